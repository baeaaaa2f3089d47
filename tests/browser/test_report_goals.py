"""What a head asks of the reports: the share of price in refusals, a chart by keys and on paper, tiles in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role
from analytics.dashboard.services import tiles_of, tiles_set
from crm.models import RefusalReason
from crm.stages import Refusal, move
from tests.browser.counting import DEVICES, clicks, counted, keys
from tests.browser.looking import complete, settled
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def refused(owner: Any, *codes: str) -> None:
    """A deal refused at each of the stages."""
    for code in codes:
        reason = RefusalReason.objects.filter(stage__code=code, stage__pipeline="deal")[0]
        deal = make_deal(owner, contact=make_client(owner), amount=100_000)
        move(deal, code, by=owner, refusal=Refusal(reason.pk, "Клиент выбрал другого поставщика", "Завод МК"))


@DEVICES
@pytest.mark.rule("ANA-2")
def test_the_share_of_price_in_this_quarters_refusals_is_two_clicks_from_home(
    page_for: Callable[..., Page], window: dict[str, Any], more: int
) -> None:
    head = make_user(Role.SALES_HEAD)
    refused(head, "price_of_structures", "price_of_delivery", "delivery_time", "construction_cancelled")
    page = counted(page_for(head, **window), "/")
    if window:
        page.locator(".bottombar [popovertarget=sidebar]").click()
    page.locator("#sidebar a[href='/reports/refusals/']").click()
    page.get_by_role("link", name="Этот квартал").click()
    share = page.locator("a.stat", has_text="Из-за цены")
    expect(page.locator(".periods [aria-current]")).to_have_text("Этот квартал")
    expect(share).to_contain_text("50 %")
    assert clicks(page) + keys(page) <= 2 + more
    share.click()
    expect(page.locator("#rows tbody tr")).to_have_count(2)


@pytest.mark.rule("ANA-8")
def test_a_chart_is_walked_by_keys_and_fits_the_sheet(page_for: Callable[..., Page]) -> None:
    head = make_user(Role.SALES_HEAD, language="en")
    refused(head, "price_of_structures", "price_of_structures", "delivery_time")
    page = settled(page_for(head), "/reports/refusals/")
    chart = page.locator("[data-chart=refusals-chart]")
    expect(chart).to_have_attribute("role", "group")
    chart.focus()
    page.keyboard.press("ArrowDown")
    expect(chart.locator("[aria-live]")).to_contain_text(": 2")
    page.emulate_media(media="print")
    for hidden in (".report-form", ".periods", ".page-actions", ".sidebar"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator(".print-head")).to_contain_text(str(head))
    # 186 mm between the margins of a sheet that stands.
    page.set_viewport_size({"width": 703, "height": 900})
    drawn = "[...document.querySelectorAll('main canvas, main table')]"
    assert page.evaluate(f"{drawn}.filter((one) => one.getBoundingClientRect().right > 703).length") == 0
    page.emulate_media(media="screen")
    chart.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url("**/deals/?**")
    complete(page)
    expect(page.locator("#rows tbody tr")).to_have_count(2)


@pytest.mark.rule("ANA-9")
def test_tiles_are_put_in_order_by_keys_for_the_period(page_for: Callable[..., Page], wait_until: Any) -> None:
    head = make_user(Role.SALES_HEAD, language="en")
    refused(head, "price_of_structures", "delivery_time")
    tiles_set(head, ["contracts", "price_share", "refusal_stages"])
    page = settled(page_for(head), "/reports/dashboard/?period=this_year")
    expect(page.locator(".tile canvas")).to_have_count(1)
    page.wait_for_function("window.Sortable !== undefined")
    page.locator("[data-order-id=price_share] [data-order-handle]").focus()
    page.keyboard.press("ArrowUp")
    order = ["price_share", "contracts", "refusal_stages"]
    wait_until(lambda: [tile.code for tile in tiles_of(head)] == order, what="the new order")
    page.locator("[data-order-id=price_share] a.stat").click()
    complete(page)
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.locator(".periods [aria-current]")).to_have_text("This year")
