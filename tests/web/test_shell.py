"""The menus of the frame are put together by hand, so each word and address in them is escaped by hand."""

from __future__ import annotations

import pytest

from crm.templatetags.shell import bottom_links, main_menu

NASTY = "\"><script>alert('x')</script>&"


@pytest.mark.parametrize("menu", [main_menu, bottom_links])
def test_no_word_or_address_of_a_menu_becomes_markup(menu) -> None:
    line = {"label": NASTY, "url": f"/x/?q={NASTY}", "icon": "plus", "badge": NASTY, "key": NASTY, "active": True}
    html = menu([line])
    assert "<script>" not in html
    assert html.count("&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;") >= 3


def test_no_heading_of_the_menu_becomes_markup() -> None:
    assert "<script>" not in main_menu([{"heading": NASTY}])
