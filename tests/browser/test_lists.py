"""Habits of lists in a real browser: from card to card by keys, cells filled in where they stand, many at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role
from leads.models import Lead
from leads.services import lead_create, lead_update
from tests.factories import make_deal, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def press_in_russian_layout(page: Page, code: str, letter: str) -> None:
    """A key as the Russian layout sends it: another letter, the same place."""
    session = page.context.new_cdp_session(page)
    for kind in ("keyDown", "keyUp"):
        session.send("Input.dispatchKeyEvent", {"type": kind, "key": letter, "code": code, "text": ""})


def settled(page: Page, path: str) -> Page:
    """Open a page and wait until it has fetched its parts."""
    page.goto(path)
    page.wait_for_load_state("networkidle")
    return page


def make_lead(owner: Any, name: str, **data: Any) -> Lead:
    return lead_create(by=owner, data={"name": name, "title": name, "responsible": owner, **data})


def test_j_and_k_go_through_the_filtered_list_in_russian_layout(page_for: Callable[..., Page]) -> None:
    owner = make_user()
    deals = [make_deal(owner, title=f"Ангар {number}", area=area) for number, area in enumerate((100, 10, 300, 400))]
    page = settled(page_for(owner), "/deals/?area_from=50&sort=title")
    page.get_by_role("link", name="Ангар 0").click()
    nav = page.locator("#record-nav")
    expect(nav).to_contain_text("1 из 3")
    press_in_russian_layout(page, "KeyJ", "о")
    page.wait_for_url(re.compile(rf"/deals/{deals[2].pk}/"))
    expect(nav).to_contain_text("2 из 3")
    page.locator("[data-record-next]").click()
    page.wait_for_url(re.compile(rf"/deals/{deals[3].pk}/"))
    expect(nav).to_contain_text("3 из 3")
    press_in_russian_layout(page, "KeyK", "л")
    page.wait_for_url(re.compile(rf"/deals/{deals[2].pk}/"))
    page.locator("[data-record-list]").click()
    page.wait_for_url(re.compile(r"/deals/\?area_from=50&sort=title$"))


def test_cells_are_filled_in_by_keys_alone_and_a_conflict_is_shown(
    page_for: Callable[..., Page], wait_until: Any
) -> None:
    owner = make_user(Role.SALES_HEAD)
    lead = make_lead(owner, "Лид", phone="+79123456789", email="a@example.com")
    page = settled(page_for(owner), "/leads/?columns=title,phone,email,next")
    cell = page.locator(f"#row-{lead.pk} [data-cell=phone]")
    cell.focus()
    page.keyboard.press("F2")
    field = cell.locator("input[name=phone]")
    expect(field).to_be_focused()
    field.fill("нет телефона")
    page.keyboard.press("Enter")
    expect(cell.locator(".field-error")).to_be_visible()
    cell.locator("input[name=phone]").fill("8 999 111-22-33")
    page.keyboard.press("Tab")
    mail = page.locator(f"#row-{lead.pk} [data-cell=email]")
    expect(mail.locator("input[name=email]")).to_be_focused()
    expect(cell).to_contain_text("+7 (999) 111-22-33")
    page.keyboard.press("Escape")
    expect(mail).to_be_focused()
    expect(mail).to_contain_text("a@example.com")
    page.keyboard.press("Enter")
    expect(mail.locator("input[name=email]")).to_be_focused()
    lead_update(Lead.objects.get(pk=lead.pk), by=make_user(last_name="Быстров"), data={"email": "b@example.com"})
    mail.locator("input[name=email]").fill("c@example.com")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_contain_text("Быстров")
    assert Lead.objects.get(pk=lead.pk).email == "b@example.com"
