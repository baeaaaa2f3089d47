"""The call centre's goals of clicks and keys: recognise a caller, a new lead with its duplicate seen, a conversion."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crm.clients import contact_create
from crm.contact_points import points_of
from crm.models import Contact
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create
from tests.browser.counting import DEVICES, clicks, counted, keys
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@DEVICES
@pytest.mark.rule("LEAD-12")
def test_an_unknown_number_is_linked_in_two_clicks_from_home_and_undone(
    page_for: Callable[..., Page], wait_until: Any, window: dict[str, Any], more: int
) -> None:
    manager = make_user(language="en")
    contact = contact_create(by=manager, data={"name": "Иванов Пётр", "responsible": manager}, phones="89123456789")
    lead = lead_create(by=manager, data={"name": "Петя", "responsible": manager}, phones="8 999 000-11-22")
    page = counted(page_for(manager, **window), "/")
    page.locator(f"#waits-lead-{lead.pk}").get_by_role("link", name="Who is it?").click()
    expect(page.locator("#client-query")).to_be_focused()
    page.keyboard.type("6789")
    page.get_by_role("button", name="It is them: Иванов Пётр").click()
    wait_until(lambda: Lead.objects.get(pk=lead.pk).contact == contact, what="the link")
    assert clicks(page) + keys(page) <= 2 + more
    assert {point.value for point in points_of(contact)} == {"+79123456789", "+79990001122"}
    page.locator("#toasts .toast-item button.btn").click()
    wait_until(lambda: Lead.objects.get(pk=lead.pk).contact is None, what="the undo")


@DEVICES
@pytest.mark.rule("LEAD-14")
def test_a_new_lead_with_its_duplicate_seen_takes_two_clicks_and_enter_from_home(
    page_for: Callable[..., Page], wait_until: Any, window: dict[str, Any], more: int
) -> None:
    manager = make_user(language="en")
    contact_create(by=manager, data={"name": "Иванов Пётр", "responsible": manager}, phones="89123456789")
    page = counted(page_for(manager, **window), "/")
    page.locator("[popovertarget=create-menu]").click()
    page.locator("#create-menu a[href='/leads/new/']").click()
    page.locator("#dialog #id_name").fill("Пётр")
    page.locator("#dialog #id_phone").press_sequentially("8 912 345-67-89")
    expect(page.locator("#matches")).to_contain_text("Иванов Пётр", timeout=20_000)
    page.keyboard.press("Enter")
    wait_until(lambda: Lead.objects.count() == 1, what="the lead")
    assert clicks(page) <= 2 + more
    assert keys(page) == 1


@pytest.mark.rule("LEAD-11")
def test_a_conversion_with_the_mobile_for_the_person_takes_three_clicks_from_home_and_is_undone(
    page_for: Callable[..., Page], wait_until: Any
) -> None:
    manager = make_user(language="en")
    lead = lead_create(
        by=manager,
        data={
            "name": "Иванов Пётр", "company_name": "ООО Агро", "purpose": "warehouse", "length": 60, "width": 24,
            "address": "Тверь", "responsible": manager,
        },
        phones="89123456789, 84951234567",
    )  # fmt: skip
    page = counted(page_for(manager), "/")
    page.locator(f"#waits-lead-{lead.pk} .task-title").click()
    page.locator("#card-actions a[href$='/convert/']").click()
    expect(page.locator(".convert-preview")).to_contain_text("+7 (912) 345-67-89")
    page.locator("#dialog .dialog-foot .btn-primary").click()
    page.wait_for_url(re.compile(r"/deals/\d+/"))
    assert (clicks(page), keys(page)) == (3, 0)
    assert {point.value for point in points_of(Contact.objects.get())} == {"+79123456789"}
    page.locator("#toasts .toast-item button.btn").click()
    page.wait_for_url(re.compile(rf"/leads/{lead.pk}/"))
    wait_until(lambda: Lead.objects.get(pk=lead.pk).is_open, what="the undo")
    assert not Deal.objects.alive().exists()
