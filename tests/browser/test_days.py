"""A day is typed as 25.11.2026 or picked from a calendar from Monday on, in the language of the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role
from deals.models import Deal
from tests.factories import make_deal, make_user

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desk", "phone"])
def test_a_day_is_picked_in_the_language_of_the_page(page_for: Callable[..., Page], screen: Any) -> None:
    owner = make_user(language="ru")
    deal = make_deal(owner, responsible=owner, expected_close_date=date(2026, 11, 2))
    page = page_for(owner, **screen, locale="en-US")
    page.goto(f"/deals/{deal.pk}/edit/")
    field = page.locator("#id_expected_close_date")
    expect(field).to_have_value("02.11.2026")
    page.locator(".day-calendar").first.wait_for(state="attached")
    field.press("Alt+ArrowDown")
    calendar = page.locator(".day-calendar:popover-open")
    expect(calendar.locator("th")).to_have_text(["пн", "вт", "ср", "чт", "пт", "сб", "вс"])
    expect(calendar.locator("[aria-pressed=true]")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(calendar.locator(".day-head strong")).to_have_text("ноябрь 2026")
    page.keyboard.press("PageDown")
    expect(calendar.locator(".day-head strong")).to_have_text("декабрь 2026")
    box = calendar.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]  # type: ignore[index]
    page.keyboard.press("Escape")
    expect(field).to_have_value("02.11.2026")
    page.locator(".day-wrap:has(#id_expected_close_date) [data-day-open]").click()
    calendar.get_by_label("25 ноября 2026").click()
    expect(field).to_have_value("25.11.2026")
    expect(field).to_be_focused()
    page.locator("main form .btn-primary").last.click()
    page.wait_for_url(f"**/deals/{deal.pk}/")
    assert Deal.objects.get().expected_close_date == date(2026, 11, 25)


def test_days_typed_into_a_report_are_the_period(page_for: Callable[..., Page]) -> None:
    head = make_user(Role.SALES_HEAD, language="ru")
    make_deal(head)
    page = page_for(head, locale="en-US")
    page.goto("/reports/funnel/")
    page.locator("#id_from").fill("01.02.2026")
    page.locator("#id_to").fill("25.11.2026")
    page.locator(".report-form .btn-primary").click()
    page.wait_for_url("**period=custom**")
    expect(page.locator("#id_from")).to_have_value("01.02.2026")
    expect(page.locator(".report-note")).to_contain_text("01.02.2026")
