"""Leads and deals in a real browser: drag, menu and keys on the board, dialogs, fields in place, a phone, axe."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role
from crm import clock
from crm.models import StageHistory
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create
from objects_registry.models import Purpose
from tests.browser.looking import serious_in_both, settled
from tests.browser.russian_layout import press_in_russian_layout
from tests.factories import make_client, make_company, make_deal, make_user

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def ready_deal(owner: Any, **data: Any) -> Deal:
    """A deal that lacks nothing for costing."""
    given = {"contact": make_client(owner), "purpose": Purpose.objects.first(), "area": 1440, **data}
    return make_deal(owner, **given)


def card(page: Page, deal: Deal) -> Any:
    return page.locator(f"#card-{deal.pk}")


def drag(page: Page, what: Any, target: Any) -> None:
    """Take a card by the mouse and let it go over another place, in steps as a hand does."""
    start = what.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] - 12)
    page.mouse.down()
    page.mouse.move(start["x"] + start["width"] / 2 + 12, start["y"] + 24, steps=4)
    end = target.bounding_box()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + min(end["height"] / 2, 80), steps=12)
    page.wait_for_timeout(120)
    page.mouse.up()


def stage_of(deal: Deal) -> str:
    return Deal.objects.get(pk=deal.pk).stage


def test_a_card_is_dragged_and_the_move_is_undone(page_for: Callable[..., Page], wait_until: Any) -> None:
    owner = make_user()
    deal = ready_deal(owner)
    page = page_for(owner)
    page.goto("/deals/board/")
    drag(page, card(page, deal), page.locator("#col-costing [data-cards]"))
    expect(page.locator(f"#col-costing #card-{deal.pk}")).to_be_visible()
    wait_until(lambda: stage_of(deal) == "deal:costing", what="the move")
    page.locator("#toasts .toast-item button.btn").click()
    expect(page.locator(f"#col-request_received #card-{deal.pk}")).to_be_visible()
    assert stage_of(deal) == "deal:request_received"


@pytest.mark.rule("PIPE-3")
def test_a_refused_drag_puts_the_card_back_and_the_dialog_completes_it(page_for: Callable[..., Page]) -> None:
    owner = make_user()
    first, deal = make_deal(owner), make_deal(owner, contact=make_client(owner))
    page = page_for(owner)
    page.goto("/deals/board/")
    order = page.locator("#col-request_received [data-card]").evaluate_all("cards => cards.map(card => card.id)")
    drag(page, card(page, deal), page.locator("#col-costing [data-cards]"))
    dialog = page.locator("#dialog")
    expect(dialog).to_be_visible()
    assert page.locator("#col-request_received [data-card]").evaluate_all("cs => cs.map(c => c.id)") == order
    expect(dialog.locator("select[name=purpose]")).to_be_focused()
    dialog.locator("select[name=purpose]").select_option(index=1)
    dialog.locator("input[name=area]").fill("1 440")
    page.keyboard.press("Control+Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator(f"#col-costing #card-{deal.pk}")).to_be_visible()
    assert (stage_of(deal), stage_of(first)) == ("deal:costing", "deal:request_received")


def test_a_card_is_moved_by_keys_in_russian_layout(page_for: Callable[..., Page], wait_until: Any) -> None:
    owner = make_user()
    deal = ready_deal(owner)
    page = page_for(owner)
    page.goto("/deals/board/")
    expect(page.locator("#move-menu")).to_be_attached()
    page.wait_for_function("window.Sortable !== undefined")
    card(page, deal).focus()
    press_in_russian_layout(page, "KeyM", "ь")
    expect(page.locator("#move-menu")).to_be_visible()
    press_in_russian_layout(page, "Digit2", "2")
    wait_until(lambda: stage_of(deal) == "deal:costing", what="the move")


@pytest.mark.rule("PIPE-4")
def test_a_deal_is_refused_from_its_card(page_for: Callable[..., Page]) -> None:
    owner = make_user()
    deal = ready_deal(owner)
    page = page_for(owner)
    page.goto(deal.get_absolute_url())
    page.locator(".stage-ends .btn-quiet-danger").click()
    dialog = page.locator("#dialog")
    expect(dialog.locator("#id_competitor")).to_be_hidden()
    dialog.locator("[data-asks-competitor]").first.check()
    expect(dialog.locator("#id_competitor")).to_be_visible()
    dialog.locator("#id_comment").fill("-")
    dialog.locator(".btn-danger").click()
    expect(dialog.locator("[data-error-summary]")).to_be_visible()
    expect(dialog.locator("#id_competitor[aria-invalid=true]")).to_be_visible()
    dialog.locator("#id_comment").fill("Дешевле на 10 %")
    dialog.locator("#id_competitor").fill("Завод МК")
    dialog.locator(".btn-danger").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#card-stage .pill-big")).to_be_visible()
    assert stage_of(deal) == "deal:price_of_structures"


@pytest.mark.rule("PIPE-6")
def test_the_slower_one_sees_who_was_faster(page_for: Callable[..., Page]) -> None:
    from crm.stages import move

    owner, head = make_user(), make_user(Role.SALES_HEAD, last_name="Орлова")
    deal = ready_deal(owner)
    page = page_for(owner)
    page.goto(deal.get_absolute_url())
    move(Deal.objects.get(pk=deal.pk), "costing", by=head)
    page.locator("#card-stage button[value=costing]").click()
    expect(page.locator("#dialog")).to_contain_text("Орлова")
    assert StageHistory.objects.filter(record_type="deal", record_id=deal.pk).count() == 2


def test_a_field_is_changed_in_place_while_another_form_stays_open(page_for: Callable[..., Page]) -> None:
    owner = make_user()
    deal = ready_deal(owner, length=60, width=24, area=None)
    page = page_for(owner)
    page.goto(deal.get_absolute_url())
    page.locator("#composer-note textarea").fill("Недописанная заметка")
    page.locator("#fact-size").hover()
    page.locator("#fact-size a[hx-get]").click()
    page.locator("form.fact-edit input[name=length]").fill("30,5")
    page.locator("form.fact-edit .btn-primary").click()
    expect(page.locator("#fact-area")).to_contain_text("732")
    expect(page.locator("#composer-note textarea")).to_have_value("Недописанная заметка")


def test_a_task_is_done_and_the_next_one_planned_in_two_clicks(page_for: Callable[..., Page]) -> None:
    from crm import clock, services

    owner = make_user()
    deal = ready_deal(owner)
    services.activity_create(deal, title="Позвонить", due_at=clock.now(), responsible=owner, by=owner)
    page = page_for(owner)
    page.goto(deal.get_absolute_url())
    page.locator("#card-tasks .task-check").click()
    page.locator("#card-tasks .task-next .btn-primary").click()
    expect(page.locator("#card-tasks .task:not(.is-done) .task-title")).to_have_text("Позвонить")


@pytest.mark.rule("LEAD-10")
@pytest.mark.rule("DEAL-13")
def test_from_a_lead_to_a_signed_contract(page_for: Callable[..., Page], wait_until: Any) -> None:
    owner, today = make_user(), clock.today()
    lead = lead_create(
        by=owner,
        data={
            "name": "Иванов Пётр", "phone": "+79123456789", "company_name": "ООО Агро", "length": 60, "width": 24,
            "purpose": Purpose.objects.first(), "address": "Тверь", "construction_start": today + timedelta(days=24),
        },
    )  # fmt: skip
    page = page_for(owner)
    page.goto(lead.get_absolute_url())
    page.locator("#card-actions a[href$='/convert/']").click()
    dialog = page.locator("#dialog")
    dialog.locator("input[name=amount]").fill("5 600 000")
    dialog.locator(".btn-primary").click()
    page.wait_for_url(re.compile(r"/deals/\d+/"))
    deal = Deal.objects.get()
    for code in ("costing", "proposal_sent", "negotiation"):
        page.locator(f"#card-stage button[value={code}]").click()
        wait_until(lambda code=code: stage_of(deal).startswith(("deal:" + code, "deal:delayed")), what=code)
        if stage_of(deal) == "deal:delayed_demand":
            break
        expect(page.locator(f"#card-stage button[value={code}]")).to_be_hidden()
    page.locator("#card-stage button[value=contract_signing]").click()
    dialog.locator("input[name=expected_close_date]").fill(f"{today + timedelta(days=29):%Y-%m-%d}")
    dialog.locator(".btn-primary").click()
    page.locator("#card-stage .btn-success").click()
    dialog.locator("input[name=contract_number]").fill("12-К")
    dialog.locator("input[name=contract_date]").fill(f"{today:%Y-%m-%d}")
    dialog.locator("input[name=company__inn]").fill("7707083893")
    dialog.locator(".btn-primary").click()
    wait_until(lambda: stage_of(deal) == "deal:contract_signed", what="the contract")
    assert Lead.objects.get(pk=lead.pk).stage == "lead:converted"


def test_on_a_phone_swipes_move_no_card_and_the_menu_does(page_for: Callable[..., Page], wait_until: Any) -> None:
    owner = make_user()
    deals = [ready_deal(owner) for _ in range(4)]
    page = page_for(owner, **PHONE)
    page.goto("/deals/board/")
    page.wait_for_function("window.Sortable !== undefined")
    session = page.context.new_cdp_session(page)
    for step in range(10):
        points = [{"x": 300 - 20 * part, "y": 500 - 4 * part * (step % 2)} for part in range(10)]
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
        for point in points[1:]:
            session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert StageHistory.objects.filter(record_type="deal", from_stage__isnull=False).count() == 0
    page.goto("/deals/board/")
    card(page, deals[0]).locator("[data-move-open]").tap()
    page.locator("#move-menu [data-to=costing]").tap()
    wait_until(lambda: stage_of(deals[0]) == "deal:costing", what="the move")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("place", ["board", "list", "card", "refusal", "lead", "convert", "form"])
def test_pages_have_no_serious_faults_of_access(page_for: Callable[..., Page], place: str) -> None:
    owner = make_user()
    deal = ready_deal(owner, company=make_company(owner), amount=5_600_000)
    lead = lead_create(
        by=owner, data={"name": "Иванов Пётр", "phone": "+79123456789", "purpose": Purpose.objects.first()}
    )
    urls = {
        "board": "/deals/board/", "list": "/deals/", "card": deal.get_absolute_url(),
        "refusal": f"/deals/{deal.pk}/refuse/", "lead": lead.get_absolute_url(),
        "convert": f"/leads/{lead.pk}/convert/", "form": f"/leads/{lead.pk}/edit/",
    }  # fmt: skip
    for width in (1440, 390):
        page = settled(page_for(owner, viewport={"width": width, "height": 844}), urls[place])
        assert serious_in_both(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
