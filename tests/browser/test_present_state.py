"""What a page shows after Back, where a phone's board opens, and where toasts stand, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role
from crm.stages import move
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_back_shows_the_record_as_it_is_now_and_keeps_what_was_being_written(page_for: Callable[..., Page]) -> None:
    owner = make_user()
    deal = make_deal(owner, contact=make_client(owner))
    page = page_for(owner)
    page.goto(deal.get_absolute_url())
    note = page.locator("#composer-note textarea")
    note.fill("Просил смету")
    now = page.locator("#card-stage [aria-current]")
    expect(now).to_contain_text("Получен запрос")
    page.wait_for_timeout(600)  # the draft is kept 0.4 s after the last key
    page.goto("/tasks/")
    move(deal, "costing", by=make_user(Role.ADMINISTRATOR), override=True)
    page.go_back()
    expect(now).to_contain_text("Расчёт стоимости")
    expect(note).to_have_value("Просил смету")


def test_a_phones_board_opens_on_cards_and_on_the_column_looked_at_last(page_for: Callable[..., Page]) -> None:
    owner = make_user()
    for stage in ("costing", "negotiation"):
        make_deal(owner, stage=stage)
    page = page_for(owner, **PHONE)
    tab = page.locator("[data-board-tab][aria-selected=true]")
    page.goto("/deals/board/")
    expect(tab).to_contain_text("Расчёт стоимости")
    page.locator("[data-board-tab=negotiation]").click()
    expect(tab).to_contain_text("Переговоры")
    page.goto("/tasks/")
    page.goto("/deals/board/")
    expect(tab).to_contain_text("Переговоры")


def test_two_toasts_at_most_and_none_over_a_dialog(page_for: Callable[..., Page]) -> None:
    owner = make_user()
    deal = make_deal(owner, contact=make_client(owner))
    page = page_for(owner, **PHONE)
    page.goto(deal.get_absolute_url())
    page.evaluate("['a', 'b', 'c'].forEach((text) => crm.toast({ level: 'success', text }))")
    expect(page.locator(".toast-item")).to_have_count(2)
    page.locator("[popovertarget=card-menu]").click()
    page.locator("#card-menu [data-move-dialog]").click()
    expect(page.locator("#dialog")).to_be_visible()
    assert covered(page) == []
    page.evaluate("crm.toast({ level: 'error', text: 'd' })")
    expect(page.locator("#dialog .toast-error")).to_be_visible()
    assert covered(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("body > #toasts .toast-error")).to_be_visible()


def covered(page: Page) -> Any:
    """The controls of the open dialog that something else lies over."""
    return page.evaluate(
        """() => [...document.getElementById("dialog-body").querySelectorAll("button, a, input:not([type=hidden])")]
          .filter((one) => one.offsetParent).filter((one) => {
            const box = one.getBoundingClientRect();
            const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
            return top && !one.contains(top) && !top.contains(one);
          }).map((one) => one.textContent)"""
    )
