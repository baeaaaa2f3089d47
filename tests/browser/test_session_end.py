"""The session ends while somebody works: a window over the page, the text kept, the interrupted action done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crm.models import TimelineEntry
from deals.models import Deal
from leads.models import Lead
from objects_registry.models import Purpose
from tests.factories import make_client, make_deal, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rule("ACC-4")]
PASSWORD = "correct horse battery"


def sign_in_again(page: Page, password: str = PASSWORD) -> None:
    window = page.locator("#sign-in")
    expect(window).to_be_visible()
    expect(window.locator("[name=password]")).to_be_focused()
    page.keyboard.type(password)
    page.keyboard.press("Enter")


def test_a_note_and_an_open_dialog_outlive_the_session(page_for: Callable[..., Page]) -> None:
    owner = make_user(language="en")
    deal = make_deal(owner, contact=make_client(owner), purpose=Purpose.objects.first(), area=1440)
    page = page_for(owner)
    page.goto(deal.get_absolute_url())
    page.wait_for_load_state("networkidle")
    page.locator("#composer-note textarea").fill("Ворота 4×4,5")
    page.context.clear_cookies(name="sessionid")
    page.locator("#composer-note .btn-primary").click()
    sign_in_again(page, "wrong password")
    expect(page.locator("#sign-in [data-problem]")).to_be_visible()
    assert page.locator("#composer-note textarea").input_value() == "Ворота 4×4,5"
    sign_in_again(page)
    expect(page.locator("#sign-in")).to_be_hidden()
    expect(page.locator("#card-timeline, .timeline").first).to_contain_text("Ворота 4×4,5")
    assert TimelineEntry.objects.filter(record_id=deal.pk, data__text="Ворота 4×4,5").count() == 1
    page.locator(".stage-ends .btn-quiet-danger").click()
    dialog = page.locator("#dialog")
    dialog.locator("[data-asks-competitor]").first.check()
    dialog.locator("#id_competitor").fill("Завод МК")
    dialog.locator("#id_comment").fill("Дешевле на 10 %")
    page.context.clear_cookies(name="sessionid")
    dialog.locator(".btn-danger").click()
    sign_in_again(page)
    expect(dialog).to_be_hidden()
    expect(page.locator("#card-stage .pill-big")).to_be_visible()
    assert Deal.objects.get(pk=deal.pk).refusal_comment == "Дешевле на 10 %"


def test_a_lost_token_is_mended_without_a_word_and_the_text_stays(page_for: Callable[..., Page]) -> None:
    owner = make_user(language="en")
    deal = make_deal(owner, contact=make_client(owner))
    page = page_for(owner)
    page.goto(deal.get_absolute_url())
    page.wait_for_load_state("networkidle")
    page.locator("#composer-note textarea").fill("Ворота 4×4,5")
    page.context.clear_cookies(name="csrftoken")
    page.locator("#composer-note .btn-primary").click()
    expect(page.locator(".timeline").first).to_contain_text("Ворота 4×4,5")
    expect(page.locator(".toast-error, .toast.is-error")).to_have_count(0)
    assert TimelineEntry.objects.filter(record_id=deal.pk, data__text="Ворота 4×4,5").count() == 1


def test_a_page_with_a_form_and_a_dragged_card_outlive_it_too(
    page_for: Callable[..., Page], wait_until: Callable[..., Any]
) -> None:
    owner = make_user(language="en")
    deal = make_deal(owner, contact=make_client(owner), purpose=Purpose.objects.first(), area=1440)
    page = page_for(owner)
    page.goto("/leads/new/")
    page.locator("#id_name").fill("Иванов Пётр")
    page.context.clear_cookies(name="sessionid")
    page.locator("main .btn-primary").click()
    expect(page.locator("#sign-in")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".toast-error")).to_contain_text("You were signed out")
    assert page.locator("#id_name").input_value() == "Иванов Пётр"
    page.locator("main .btn-primary").click()
    sign_in_again(page)
    page.wait_for_url(lambda url: "/new/" not in url)
    assert [lead.name for lead in Lead.objects.all()] == ["Иванов Пётр"]
    page.goto("/deals/board/")
    page.wait_for_function("window.Sortable !== undefined")
    page.context.clear_cookies(name="sessionid")
    page.locator(f"#card-{deal.pk} [data-move-open]").click()
    page.locator("#move-menu [data-to=costing]").click()
    sign_in_again(page)
    wait_until(lambda: Deal.objects.get(pk=deal.pk).stage == "deal:costing", what="the move")


def test_a_form_sent_without_a_network_keeps_its_text(page_for: Callable[..., Page]) -> None:
    page = page_for(make_user(language="en"))
    page.goto("/leads/new/")
    page.locator("#id_name").fill("Иванов Пётр")
    page.context.set_offline(True)
    page.locator("main .btn-primary").click()
    expect(page.locator(".toast-error")).to_contain_text("No connection")
    assert page.locator("#id_name").input_value() == "Иванов Пётр"
    page.context.set_offline(False)
    page.locator("main .btn-primary").click()
    page.wait_for_url(lambda url: "/new/" not in url)
    assert Lead.objects.count() == 1
