"""Tasks of every day within their budget of clicks and keys: refuse, find, move on, hand over, shut out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Invitation, Role
from crm import clock
from crm.clients import contact_create
from crm.duplicate_scan import scan_run, scan_start
from crm.models import Activity, Exclusion, Notification
from crm.services import activity_create
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create
from objects_registry.models import ConstructionObject, Purpose
from objects_registry.services import object_create
from tests.browser.counting import DEVICES, clicks, counted, keys
from tests.browser.russian_layout import press_in_russian_layout
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def ready_deal(owner: Any) -> Deal:
    """A deal that lacks nothing for costing."""
    return make_deal(owner, contact=make_client(owner), purpose=Purpose.objects.first(), area=1440)


def stage_of(deal: Deal) -> str:
    return Deal.objects.get(pk=deal.pk).stage


@pytest.mark.rule("PIPE-4")
def test_a_deal_is_refused_with_its_reason_in_three_clicks(page_for: Callable[..., Page]) -> None:
    owner = make_user()
    deal = ready_deal(owner)
    page = counted(page_for(owner), deal.get_absolute_url())
    page.locator(".stage-ends .btn-quiet-danger").click()
    dialog = page.locator("#dialog")
    dialog.locator("label:has(input[type=radio])").last.click()
    dialog.locator("#id_comment").fill("Стройку заморозили до весны")
    dialog.locator(".btn-danger").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#card-stage .pill-big")).to_be_visible()
    assert (stage_of(deal), clicks(page)) == ("deal:construction_cancelled", 3)


@pytest.mark.rule("PIPE-4")
def test_by_keys_alone_it_takes_six(page_for: Callable[..., Page], wait_until: Any) -> None:
    owner = make_user()
    deal = ready_deal(owner)
    page = counted(page_for(owner), "/deals/board/")
    page.wait_for_function("window.Sortable !== undefined")
    page.locator(f"#card-{deal.pk}").focus()
    page.keyboard.press("m")
    page.keyboard.press("0")
    dialog = page.locator("#dialog")
    expect(dialog.locator("input[type=radio]").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    expect(dialog.locator("#id_comment")).to_be_focused()
    page.keyboard.type("Стройку заморозили до весны")
    page.keyboard.press("Control+Enter")
    wait_until(lambda: not Deal.objects.get(pk=deal.pk).is_open, what="the refusal")
    assert (clicks(page), keys(page) <= 6) == (0, True)


@pytest.mark.rule("LEAD-5")
def test_a_client_is_found_by_four_digits_and_enter(page_for: Callable[..., Page]) -> None:
    manager = make_user(language="en")
    contact = contact_create(by=manager, data={"name": "Иванов Пётр", "responsible": manager}, phones="89123456789")
    page = counted(page_for(manager), "/")
    page.keyboard.press("Control+k")
    page.keyboard.type("6789")
    expect(page.locator("[role=option][aria-selected=true]")).to_contain_text("Иванов Пётр")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{contact.get_absolute_url()}")
    assert (clicks(page), keys(page)) == (0, 2)


@DEVICES
@pytest.mark.rule("PIPE-3")
def test_a_deal_that_lacks_two_fields_goes_on_in_two_clicks(
    page_for: Callable[..., Page], wait_until: Any, window: dict[str, Any], more: int
) -> None:
    owner = make_user()
    deal = make_deal(owner, contact=make_client(owner))
    page = counted(page_for(owner, **window), deal.get_absolute_url())
    page.locator(".stage-bar button[value=costing]").click()
    dialog = page.locator("#dialog")
    expect(dialog.locator("select[name=purpose]")).to_be_focused()
    dialog.locator("select[name=purpose]").select_option(index=1)
    dialog.locator("input[name=area]").fill("1440")
    dialog.locator(".btn-primary").click()
    wait_until(lambda: stage_of(deal) == "deal:costing", what="the move")
    assert clicks(page) + keys(page) <= 2 + more


@pytest.mark.rule("ACC-3")
def test_the_leads_of_one_who_left_go_to_another_in_five(page_for: Callable[..., Page], wait_until: Any) -> None:
    head, left, heir = make_user(Role.SALES_HEAD), make_user(last_name="Ушедший"), make_user(last_name="Оставшийся")
    for _number in range(3):
        lead_create(by=head, data={"name": "Анна Ким", "responsible": left})
    page = counted(page_for(head), "/")
    page.keyboard.press("Control+k")
    page.keyboard.type("ушедший")
    expect(page.locator("[role=option][aria-selected=true]")).to_contain_text("Ушедший")
    page.keyboard.press("Enter")
    choice = page.locator("select[name=to]")
    choice.click()
    choice.select_option(str(heir.pk))
    chosen = 1  # the line in the open list, which the browser draws itself
    page.locator("form.hand-over button", has_text="(3)").click()
    wait_until(lambda: Lead.objects.filter(responsible=heir).count() == 3, what="the hand-over")
    assert clicks(page) + keys(page) + chosen <= 5


@DEVICES
@pytest.mark.rule("LEAD-15")
def test_a_spammer_is_shut_out_in_two_clicks_and_let_in_again(
    page_for: Callable[..., Page], wait_until: Any, window: dict[str, Any], more: int
) -> None:
    operator = make_user(Role.CALL_CENTER)
    lead = lead_create(by=operator, data={"name": "Реклама"}, phones="89120000001")
    before = Lead.objects.get(pk=lead.pk).stage
    page = counted(page_for(operator, **window), lead.get_absolute_url())
    page.locator("[popovertarget=card-menu]").first.click()
    page.get_by_role("button", name="Спам / не клиент").click()
    wait_until(lambda: Exclusion.objects.count() == 1, what="the exclusion")
    assert (Lead.objects.get(pk=lead.pk).stage, clicks(page) <= 2 + more) == ("lead:erroneous", True)
    page.locator("#toasts .toast-item button.btn").click()
    wait_until(lambda: Lead.objects.get(pk=lead.pk).stage == before, what="the undo")
    assert not Exclusion.objects.exists()


@DEVICES
@pytest.mark.rule("ACT-1")
def test_a_task_is_done_and_the_next_one_planned_in_two_clicks_from_home(
    page_for: Callable[..., Page], wait_until: Any, window: dict[str, Any], more: int
) -> None:
    owner = make_user()
    deal = make_deal(owner, contact=make_client(owner))
    task = activity_create(deal, title="Позвонить", due_at=clock.now(), responsible=owner, by=owner)
    page = counted(page_for(owner, **window), "/")
    page.locator(f"#task-{task.pk} button.task-check").click()
    line = page.locator(f"#task-{task.pk} form.task-next")
    line.locator("input[name=title]").fill("Спросить о решении")
    line.locator(".btn-primary").click()
    wait_until(lambda: Activity.objects.filter(title="Спросить о решении").exists(), what="the next step")
    assert Activity.objects.get(pk=task.pk).done_at is not None
    assert clicks(page) + keys(page) <= 2 + more


@DEVICES
@pytest.mark.rule("DEAL-9")
def test_five_copies_are_made_of_a_deal_in_three(
    page_for: Callable[..., Page], wait_until: Any, window: dict[str, Any], more: int
) -> None:
    owner = make_user()
    deal = ready_deal(owner)
    page = counted(page_for(owner, **window), deal.get_absolute_url())
    if window:
        page.locator("[popovertarget=card-menu]:visible").first.click()
    page.locator(f"a[href$='/copies-of/{deal.pk}/']:visible").first.click()
    dialog = page.locator("#dialog")
    dialog.locator("input[name=count]").fill("5")
    dialog.locator(".dialog-foot .btn-primary").click()
    wait_until(lambda: Deal.objects.filter(mother=deal).count() == 5, what="the copies")
    assert clicks(page) + keys(page) <= 3 + more


@pytest.mark.rule("DEAL-9", "ACT-1")
def test_copies_and_the_next_step_are_made_by_keys_alone_in_the_russian_layout(
    page_for: Callable[..., Page], wait_until: Any
) -> None:
    owner = make_user()
    deal = ready_deal(owner)
    task = activity_create(deal, title="Позвонить", due_at=clock.now(), responsible=owner, by=owner)
    page = counted(page_for(owner), deal.get_absolute_url())
    press_in_russian_layout(page, "KeyR", "к")
    count = page.locator("#dialog input[name=count]")
    expect(count).to_be_focused()
    count.press("Control+a")
    page.keyboard.type("5")
    page.keyboard.press("Control+Enter")
    wait_until(lambda: Deal.objects.filter(mother=deal).count() == 5, what="the copies")
    assert (clicks(page), keys(page) <= 3) == (0, True)
    page = counted(page_for(owner), "/")
    press_in_russian_layout(page, "KeyT", "е")
    expect(page.locator(f"#task-{task.pk} button.task-check")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(f"#task-{task.pk} input[name=title]")).to_be_focused()
    page.keyboard.type("Спросить о решении")
    page.keyboard.press("Enter")
    wait_until(lambda: Activity.objects.filter(title="Спросить о решении").exists(), what="the next step")
    assert Activity.objects.get(pk=task.pk).done_at is not None
    assert (clicks(page), keys(page)) == (0, 3)


@DEVICES
@pytest.mark.rule("PART-1")
def test_a_new_partner_has_access_in_four_clicks(
    page_for: Callable[..., Page], wait_until: Any, window: dict[str, Any], more: int
) -> None:
    head = make_user(Role.SALES_HEAD)
    page = counted(page_for(head, **window), "/")
    if window:
        page.locator(".bottombar [popovertarget=sidebar]").click()
    page.locator("#sidebar a[href='/partners/']").click()
    page.locator("a.btn-primary[href='/partners/new/']").first.click()
    page.locator("[name=name]").fill("ООО Дилер")
    page.locator("[name=person_name]").fill("Южный")
    page.locator("[name=person_email]").fill("yug@example.com")
    page.locator("main form .btn-primary").last.click()
    wait_until(lambda: Invitation.objects.filter(user__email="yug@example.com").exists(), what="the invitation")
    assert clicks(page) + keys(page) <= 4 + more


@DEVICES
@pytest.mark.rule("PART-4")
def test_partners_are_reminded_of_untouched_leads_in_three_clicks(
    page_for: Callable[..., Page], wait_until: Any, window: dict[str, Any], more: int
) -> None:
    control, dealer = make_user(Role.PARTNER_CONTROL), make_user(Role.PARTNER)
    lead = lead_create(by=dealer, data={"name": "Анна Ким", "responsible": dealer})
    Lead.objects.filter(pk=lead.pk).update(stage_entered_at=clock.now() - timedelta(hours=30))
    page = counted(page_for(control, **window), "/")
    page.locator("a[href='/partners/control/']:visible").first.click()
    page.get_by_role("button", name="Напомнить всем").click()
    wait_until(lambda: Notification.objects.filter(user=dealer, action="partner_reminded").exists(), what="the word")
    assert clicks(page) + keys(page) <= 3 + more


@DEVICES
@pytest.mark.rule("OBJ-4")
def test_three_duplicate_objects_are_merged_in_five_clicks_from_home(
    page_for: Callable[..., Page], wait_until: Any, window: dict[str, Any], more: int
) -> None:
    head = make_user(Role.SALES_HEAD)
    barn = {"purpose": "warehouse", "width": 24, "length": 60, "address": "Тверь, Мира, 5"}
    names = ("Склад Мира", "Склад на Мира, 5", "Склад Тверь")
    objects = [object_create(by=head, data={**barn, "name": name}) for name in names]
    scan_run(scan_start(record_type="object", by=head).pk)
    page = counted(page_for(head, **window), "/")
    if window:
        page.locator(".bottombar [popovertarget=sidebar]").click()
    page.locator("#sidebar a[href='/objects/']").click()
    page.locator("a[href='/objects/duplicates/']:visible").first.click()
    page.locator(".duplicate-group .btn-primary").click()
    # The main record's name gives way to a better one; on a phone the fields come one at a time.
    if window:
        page.locator("[data-merge-step='1']").click()
    page.locator(f"label:has(input[name=field-name][value='{objects[2].pk}'])").click()
    page.locator("form:has([data-merge]) .panel-foot .btn-primary").click()
    wait_until(lambda: ConstructionObject.objects.filter(merged_into=None).count() == 1, what="the merge")
    assert ConstructionObject.objects.get(merged_into=None).name == "Склад Тверь"
    assert clicks(page) + keys(page) <= 5 + more
