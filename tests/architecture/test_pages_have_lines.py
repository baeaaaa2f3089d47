"""Every page of the browser has its line in docs/api-pages.md: the call that does the same, or why there is none.

Whether the calls named there exist is asked by tests/api/test_every_page_has_a_call.py, which makes the description.
"""

from __future__ import annotations

import pytest

from tests.api.test_every_page_has_a_call import TABLE, pages, problems


@pytest.mark.rule("DATA-3")
def test_every_page_has_a_line() -> None:
    wrong = problems(TABLE.read_text(encoding="utf-8"), pages(), None)
    assert not wrong, "docs/api-pages.md:\n" + "\n".join(wrong)
