"""My day, search, clients, the merge window, the cabinet and the settings in a real browser: keys, phone, axe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role
from communications.models import WebForm
from crm import clock
from crm.clients import contact_create
from crm.services import activity_create
from deals.models import Deal
from leads.conversion import ConversionChoice, convert
from leads.services import lead_create
from objects_registry.models import ConstructionObject
from objects_registry.services import object_create
from partners.handoff import hand_over
from tests.browser.looking import serious_in_both, settled
from tests.factories import make_client, make_deal, make_partner, make_user

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.rule("ACT-1")
def test_done_and_the_next_step_take_two_clicks_in_the_row(page_for: Callable[..., Page]) -> None:
    manager = make_user(language="en")
    deal = make_deal(manager, responsible=manager)
    activity_create(deal, title="Call back", due_at=clock.now() - timedelta(hours=1), responsible=manager, by=manager)
    page = settled(page_for(manager), "/")
    page.get_by_role("button", name="Mark as done: Call back").click()
    page.get_by_role("button", name="Plan the next step").click()
    expect(page.locator(".task-then")).to_have_count(0)
    expect(page.locator(".tasks").first).to_contain_text("Call back")
    deal.refresh_from_db()
    assert deal.next_activity_at is not None
    assert deal.next_activity_at > clock.now()


@pytest.mark.rule("LEAD-5")
def test_a_client_is_found_by_four_digits_with_the_keyboard_alone(page_for: Callable[..., Page]) -> None:
    manager = make_user(language="en")
    contact = contact_create(by=manager, data={"name": "Иванов Пётр", "responsible": manager}, phones="89123456789")
    page = settled(page_for(manager), "/")
    page.keyboard.press("Control+k")
    page.keyboard.type("6789")
    expect(page.locator("[role=option][aria-selected=true]")).to_contain_text("Иванов Пётр")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{contact.get_absolute_url()}")


@pytest.mark.rule("OBJ-4")
@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desk", "phone"])
def test_duplicates_are_merged_by_keyboard_and_the_merge_is_undone(page_for: Callable[..., Page], screen: Any) -> None:
    head = make_user(Role.SALES_HEAD, language="en")
    same = {"width": "24", "length": "60", "address": "Казань, Лесная 1"}
    first, second = (object_create(by=head, data={**same, "name": name}) for name in ("Alpha", "Beta"))
    page = settled(page_for(head, **screen), f"/objects/merge/?ids={first.pk},{second.pk}")
    assert overflow(page) <= 0
    page.locator(f"input[name=main][value='{second.pk}']").focus()
    page.keyboard.press("Space")
    expect(page.locator("input[name=field-name]:checked")).to_have_value(str(second.pk))
    if screen:
        # One field at a time: past the last record stands the button of the next field.
        expect(page.locator(".merge-table tr:visible")).to_have_count(1)
        for _way in range(2):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowUp")
    else:
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    expect(page.locator("input[name=field-name]:checked")).to_have_value(str(first.pk))
    if screen:
        page.get_by_role("button", name="Merge 2 records").press("Enter")
    else:
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
    page.wait_for_url(f"**{second.get_absolute_url()}")
    assert list(ConstructionObject.objects.alive().values_list("pk", "name")) == [(second.pk, "Alpha")]
    page.get_by_role("button", name="Undo the merge").click()
    page.wait_for_load_state("networkidle")
    assert set(ConstructionObject.objects.alive().values_list("name", flat=True)) == {"Alpha", "Beta"}


@pytest.mark.rule("LEAD-13", "LEAD-14")
def test_the_dialog_warns_of_a_known_phone_and_refuses_a_nameless_contact(page_for: Callable[..., Page]) -> None:
    manager = make_user(language="en")
    contact_create(by=manager, data={"name": "Иванов Пётр", "responsible": manager}, phones="89123456789")
    page = settled(page_for(manager), "/contacts/")
    page.get_by_role("link", name="New contact").click()
    page.locator("#dialog #id_phone").press_sequentially("8 912 345-67-89")
    expect(page.locator("#matches")).to_contain_text("Иванов Пётр", timeout=20_000)
    page.locator("#dialog #id_name").fill("тест")
    page.get_by_role("button", name="Create", exact=True).last.click()
    expect(page.locator("#dialog")).to_contain_text("keep it as a lead")
    assert page.locator("#dialog #id_phone").input_value() == "8 912 345-67-89"


@pytest.mark.rule("LEAD-5")
def test_a_phone_is_added_and_removed_on_the_card(page_for: Callable[..., Page]) -> None:
    manager = make_user(language="en")
    contact = contact_create(by=manager, data={"name": "Иванов Пётр", "responsible": manager}, phones="89123456789")
    page = settled(page_for(manager), contact.get_absolute_url())
    page.locator("#point-text").fill("вечером")
    page.locator("#points").get_by_role("button", name="Add").click()
    expect(page.locator("#point-error")).to_be_visible()
    page.locator("#point-text").fill("8 495 123-45-67")
    page.locator("#points").get_by_role("button", name="Add").click()
    expect(page.locator("#points")).to_contain_text("+7 (495) 123-45-67")
    page.get_by_role("button", name="Remove: +74951234567").click()
    expect(page.locator("#points")).not_to_contain_text("+7 (495) 123-45-67")


@pytest.mark.rule("PART-3", "ACC-1")
def test_a_partner_on_a_phone_sees_their_own_requests_and_calls(page_for: Callable[..., Page]) -> None:
    head = make_user(Role.SALES_HEAD)
    dealer = make_user(Role.PARTNER, partner=make_partner(), language="en")
    other = make_user(Role.PARTNER, partner=make_partner(), language="en")
    deal = make_deal(head, contact=make_client(head, phone="89123456789"))
    hand_over(record=deal, partner=dealer.partner, by=head)
    twin = Deal.objects.get(origin=deal)
    page = settled(page_for(dealer, **PHONE), "/cabinet/new/")
    call = page.get_by_role("link", name="+7 (912) 345-67-89")
    assert call.get_attribute("href") == "tel:+79123456789"
    box = call.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert overflow(page) <= 0
    stranger = settled(page_for(other, **PHONE), "/cabinet/new/")
    expect(stranger.get_by_text("No new requests")).to_be_visible()
    assert stranger.goto(twin.get_absolute_url()).status == 404  # type: ignore[union-attr]


@pytest.mark.rule("PIPE-3")
def test_a_field_required_in_the_settings_is_asked_by_the_dialog(page_for: Callable[..., Page]) -> None:
    head = make_user(Role.SALES_HEAD, language="en")
    deal = make_deal(head, contact=make_client(head), area=100, purpose_id="warehouse")
    page = settled(page_for(head), "/settings/pipelines/deal/required/")
    page.get_by_label("Expected close: Costing").check()
    page.get_by_role("button", name="Save").click()
    page.wait_for_load_state("networkidle")
    settled(page, deal.get_absolute_url())
    page.locator(".stage-step button[value=costing]").click()
    expect(page.locator("#dialog #id_expected_close_date")).to_be_visible()


PAGES = (
    "/", "/search/?q=alpha", "/tasks/", "/leads/", "/leads/board/", "/leads/{lead}/", "/deals/", "/deals/board/",
    "/deals/{deal}/", "/contacts/", "/companies/", "/objects/", "/objects/{object}/", "/contacts/{contact}/",
    "/reports/dashboard/", "/reports/dashboard/tiles/", "/reports/digest/",
    "/reports/funnel/", "/reports/refusals/", "/deals/{deal}/refuse/", "/leads/copies-of/{deal}/",
    "/partners/", "/partners/{partner}/", "/partners/control/", "/settings/pipelines/", "/settings/pipelines/deal/",
    "/settings/pipelines/deal/required/", "/settings/pipelines/deal/reasons/", "/settings/company/",
    "/settings/people/", "/settings/people/{user}/", "/settings/rules/", "/settings/forms/", "/settings/audit/",
    "/settings/transfer/", "/settings/steel/", "/profile/", "/profile/notifications/", "/profile/tokens/",
    "/notifications/", "/settings/", "/settings/forms/{form}/", "/settings/teams/", "/settings/templates/",
    "/settings/templates/new/", "/settings/routing/", "/settings/routing/new/", "/settings/purposes/",
    "/settings/sources/", "/settings/submissions/", "/settings/exclusions/", "/objects/merge/?ids={object},{other}",
    "/objects/duplicates/", "/leads/{lead}/convert/", "/leads/{lead}/link/", "/deals/{deal}/lines/", "/partners/new/",
    "/trash/", "/jobs/", "/deals/{sold}/", "/accounts/password/change/", "/accounts/2fa/",
)  # fmt: skip
# Seen without signing in, and by a partner.
OUTSIDE = ("/accounts/login/", "/accounts/password/reset/", "/accounts/password/reset/done/", "/accounts/inactive/")
CABINET = ("/", "/cabinet/new/", "/cabinet/work/", "/cabinet/closed/", "/leads/board/", "/deals/board/", "/deals/")
# What a finger has to hit: nothing under 24 px, main actions 44 px on a phone.
SMALL = """() => [...document.querySelectorAll('main a, main button, main select, main summary, main input')]
  .filter((one) => !one.closest('[popover]:not(:popover-open), dialog:not([open]), .ts-hidden-accessible'))
  .filter((one) => !one.closest('p, td, th, li, dd, .ts-wrapper, .visually-hidden'))
  .filter((one) => one.type !== 'hidden' && one.checkVisibility({visibilityProperty: true, opacityProperty: true}))
  .map((one) => [one, (one.closest('label') || one).getBoundingClientRect()])
  .filter(([one, box]) => box.width && box.height
    && (Math.min(box.width, box.height) < 23.5 || (one.matches('.panel-foot .btn-primary') && box.height < 43.5)))
  .map(([one, box]) => `${one.className || one.tagName} ${Math.round(box.width)}x${Math.round(box.height)}`)"""


def narrow(page: Page) -> int:
    """How far the page is wider than the narrowest phone; the same page serves both widths."""
    page.set_viewport_size({"width": 320, "height": 844})
    wider = overflow(page)
    page.set_viewport_size({"width": 390, "height": 844})
    return wider


@pytest.mark.parametrize("half", [0, 1])  # so that two processes share the longest test of all
def test_every_page_fits_a_phone_and_has_no_serious_fault(page_for: Callable[..., Page], half: int) -> None:
    admin = make_user(Role.ADMINISTRATOR, language="ru")
    obj = object_create(by=admin, data={"name": "Alpha", "width": "24", "length": "60", "address": "Казань"})
    contact = contact_create(by=admin, data={"name": "Иванов Пётр", "responsible": admin}, phones="89123456789")
    lead = lead_create(by=admin, data={"name": "Иванов Пётр", "phone": "89123456789", "city": "Казань"})
    deal = make_deal(admin, contact=contact, object=obj, amount=5_600_000, area=1500)
    partner = make_user(Role.PARTNER, partner=make_partner()).partner
    assert partner is not None
    other = object_create(by=admin, data={"name": "Beta", "width": "24", "length": "61", "address": "Казань"})
    manager = make_user()
    source = lead_create(by=manager, data={"name": "Петров Иван", "phone": "89990001122", "responsible": manager})
    sold = convert(lead_id=source.pk, by=manager, choice=ConversionChoice(kind="person")).deal
    assert sold is not None
    form = WebForm.objects.create(name="Сайт", key="site-key", source_id="direct")
    names = {
        "sold": sold.pk, "other": other.pk, "form": form.pk, "object": obj.pk, "contact": contact.pk,
        "partner": partner.pk, "user": admin.pk, "lead": lead.pk, "deal": deal.pk,
    }  # fmt: skip
    page = page_for(admin, **PHONE)
    assert not (troubles := faults(page, [path.format(**names) for path in PAGES[half::2]])), "\n".join(troubles)


def test_the_cabinet_and_the_way_in_fit_a_phone_too(page_for: Callable[..., Page]) -> None:
    head, dealer = make_user(Role.SALES_HEAD), make_user(Role.PARTNER, partner=make_partner(), language="ru")
    for name in ("Ангар 60×24 для очень длинного названия", "Склад"):
        deal = make_deal(head, title=name, amount=5_600_000, contact=make_client(head, phone="89123456789"))
        hand_over(record=deal, partner=dealer.partner, by=head)
    troubles = faults(page_for(dealer, **PHONE), CABINET)
    troubles += faults(page_for(None, **PHONE), OUTSIDE)
    assert not troubles, "\n".join(troubles)


def faults(page: Page, paths: Iterable[str]) -> list[str]:
    """What keeps pages from passing: errors, too wide for a phone, axe, targets too small for a finger."""
    troubles: list[str] = []
    page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
    page.on(
        "response", lambda answer: troubles.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
    )
    for path in paths:
        settled(page, path)
        troubles += [f"{path}: wider than the phone"] if overflow(page) > 0 else []
        troubles += [f"{path}: {fault}" for fault in serious_in_both(page)]
        troubles += [f"{path}: wider than 320 px"] if narrow(page) > 0 else []
        troubles += [f"{path}: too small: {target}" for target in page.evaluate(SMALL)]
    return troubles


@pytest.mark.parametrize("status", [500, 0], ids=["error", "offline"])
def test_a_dialog_keeps_its_text_and_gives_the_focus_back(page_for: Callable[..., Page], status: int) -> None:
    owner = make_user(language="en")
    deal = make_deal(owner, contact=make_client(owner))
    page = settled(page_for(owner), deal.get_absolute_url())
    opener = page.locator(".stage-ends .btn-quiet-danger")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("#dialog")
    expect(dialog.locator("#id_comment")).to_be_visible()
    dialog.locator("#id_comment").fill("Дешевле на 10 %")
    page.route("**/refuse/", lambda route: route.fulfill(status=500) if status else route.abort())
    dialog.locator(".btn-danger").click()
    expect(page.locator(".toast-error")).to_be_visible()
    expect(dialog.locator("#id_comment")).to_have_value("Дешевле на 10 %")
    deal.refresh_from_db()
    assert deal.stage == "deal:request_received"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
