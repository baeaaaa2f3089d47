"""A server that does not answer for long: something is seen to happen, nothing is sent twice, giving up is told."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from playwright.sync_api import Page, expect

from crm.models import TimelineEntry
from deals.models import Deal
from leads.models import Lead
from objects_registry.models import Purpose
from tests.factories import make_client, make_deal, make_user

pytestmark = pytest.mark.django_db(transaction=True)


class HeldServer:
    """Posts wait before the server looks at them, until `let_go()`."""

    def __init__(self) -> None:
        self.posts: list[str] = []
        self.answered: list[str] = []
        self.gate = threading.Event()

    def let_go(self) -> None:
        self.gate.set()


@pytest.fixture
def held(live_server: Any, monkeypatch: pytest.MonkeyPatch, wait_until: Any) -> Iterator[HeldServer]:
    """The live server with its posts held back."""
    server = HeldServer()
    answer = BaseHandler.get_response

    def late(self: BaseHandler, request: Any) -> Any:
        if request.method == "POST":
            server.posts.append(request.path)
            server.gate.wait(30)
        try:
            return answer(self, request)
        finally:
            if request.method == "POST":
                server.answered.append(request.path)

    monkeypatch.setattr(BaseHandler, "get_response", late)
    yield server
    server.let_go()
    # What was given up by the browser is done all the same, and must be done before the tables are emptied.
    wait_until(lambda: len(server.answered) == len(server.posts), what="the late posts")


def opened(page: Page, path: str) -> Page:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    return page


def test_a_note_on_its_way_is_seen_and_is_not_sent_twice(page_for: Callable[..., Page], held: HeldServer) -> None:
    owner = make_user(language="ru")
    deal = make_deal(owner, contact=make_client(owner))
    page = opened(page_for(owner), deal.get_absolute_url())
    text = page.locator("#composer-note textarea")
    text.fill("Ворота 4×4,5")
    button = page.locator("#composer-note .btn-primary")
    button.click()
    expect(page.locator(".busy-bar")).to_be_visible()
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    text.press("Control+Enter")
    expect(text).to_have_value("Ворота 4×4,5")
    held.let_go()
    expect(page.locator("#card-timeline, .timeline").first).to_contain_text("Ворота 4×4,5")
    expect(page.locator(".busy-bar")).to_have_count(0)
    expect(button).not_to_have_attribute("aria-disabled", "true")
    assert len(held.posts) == 1
    assert TimelineEntry.objects.filter(record_id=deal.pk, data__text="Ворота 4×4,5").count() == 1


def test_a_record_is_made_once_however_often_one_presses(page_for: Callable[..., Page], held: HeldServer) -> None:
    owner = make_user(language="ru")
    page = opened(page_for(owner), "/leads/")
    page.get_by_role("link", name="Новый лид").first.click()
    dialog = page.locator("#dialog")
    dialog.locator("#id_phone").fill("8 912 345-67-89")
    create = dialog.locator(".btn-primary").last
    create.click()
    expect(create).to_have_attribute("aria-disabled", "true")
    for _again in range(3):
        page.keyboard.press("Control+Enter")
    held.let_go()
    expect(dialog).to_be_hidden()
    assert Lead.objects.count() == 1


def test_giving_up_is_told_the_text_stays_and_the_card_goes_back(
    page_for: Callable[..., Page], held: HeldServer, wait_until: Any
) -> None:
    owner = make_user(language="ru")
    deal = make_deal(owner, contact=make_client(owner), purpose=Purpose.objects.all()[0], area=1440)
    page = opened(page_for(owner), deal.get_absolute_url())
    page.evaluate("() => { window.htmx.config.timeout = 700; window.crm.patience = 700; }")
    text = page.locator("#composer-note textarea")
    text.fill("Ворота 4×4,5")
    page.locator("#composer-note .btn-primary").click()
    told = page.locator(".toast-error")
    expect(told).to_contain_text("долго не отвечает")
    expect(text).to_have_value("Ворота 4×4,5")
    expect(page.locator("#composer-note .btn-primary")).not_to_have_attribute("aria-disabled", "true")
    opened(page, "/deals/?columns=title,amount")
    page.evaluate("() => { window.crm.patience = 3000; }")
    cell = page.locator(f"#row-{deal.pk} [data-cell=amount]")
    cell.focus()
    page.keyboard.press("F2")
    cell.locator("input[name=amount]").fill("5 600 000")
    page.keyboard.press("Enter")
    expect(page.locator(".busy-bar")).to_be_visible()
    expect(told).to_contain_text("долго не отвечает")
    expect(cell.locator("input[name=amount]")).to_have_value(re.compile(r"5\s600\s000"))
    assert Deal.objects.get(pk=deal.pk).amount is None
    held.let_go()
    wait_until(lambda: Deal.objects.get(pk=deal.pk).amount == 5_600_000, what="what was given up, arriving late")
