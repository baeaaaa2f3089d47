"""Forms as visitors meet them: the page without scripts, the snippet on another site, and the builder's preview."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import Role
from communications.models import Submission, WebForm
from leads.models import Lead
from tests.browser.looking import serious
from tests.factories import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rule("COM-6")]
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture
def form() -> WebForm:
    return WebForm.objects.create(name="Сайт", key="site-key", source_id="direct", min_seconds=0)


@pytest.mark.rule("LEAD-1")
def test_a_visitor_without_scripts_is_on_the_board(form: WebForm, page_for: Callable[..., Any]) -> None:
    head = make_user(Role.SALES_HEAD)
    WebForm.objects.update(asks_work=True)
    page = page_for(None, java_script_enabled=False, **PHONE)
    page.goto("/f/site-key/?utm_source=vk&utm_medium=cpc")
    page.get_by_label("Имя").fill("Анна Ким")
    page.get_by_label("Телефон").fill("звоните вечером")
    page.get_by_role("button", name="Отправить").click()
    page.get_by_text("Это не номер телефона").first.wait_for()
    assert page.get_by_label("Имя").input_value() == "Анна Ким"
    page.get_by_label("Телефон").fill("8 912 345-67-89")
    page.get_by_role("button", name="Отправить").click()
    page.get_by_role("heading", name="Спасибо").wait_for()
    assert page.context.cookies() == []
    board = page_for(head)
    board.goto("/leads/board/")
    board.get_by_text("Анна Ким").first.wait_for()
    lead = Lead.objects.get()
    assert (lead.phone, lead.utm_source, lead.source_id) == ("+79123456789", "vk", "vk_ads")


@pytest.mark.parametrize("is_quick", [True, False])
def test_a_browser_solves_its_task_while_the_visitor_types(
    form: WebForm, page_for: Callable[..., Any], is_quick: bool
) -> None:
    WebForm.objects.update(asks_work=True)
    page = page_for(None, **PHONE)
    page.goto("/f/site-key/")
    page.get_by_label("Имя").fill("Анна Ким")
    page.get_by_label("Телефон").fill("8 912 345-67-89")
    if not is_quick:
        page.locator("input[name=_work]").wait_for(state="attached")
    page.get_by_role("button", name="Отправить").click()
    page.get_by_role("heading", name="Спасибо").wait_for()
    assert page.context.cookies() == []
    assert Submission.objects.get().meta["work"] == "done"
    # Back to the page whose task has been used: the next request has one of its own.
    page.go_back()
    page.get_by_label("Имя").fill("Пётр")
    page.get_by_label("Телефон").fill("8 912 000-00-00")
    page.get_by_role("button", name="Отправить").click()
    page.get_by_role("heading", name="Спасибо").wait_for()
    assert set(Lead.objects.values_list("name", flat=True)) == {"Анна Ким", "Пётр"}


@pytest.mark.parametrize("background", ["#ffffff", "#14213d"])
def test_the_page_fits_a_phone_and_is_accessible(form: WebForm, page_for: Callable[..., Any], background: str) -> None:
    WebForm.objects.update(background=background, consent_text="Согласен на обработку персональных данных")
    page = page_for(None, bypass_csp=True, **PHONE)
    page.goto("/f/site-key/")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for _round in range(2):
        assert serious(page) == []
        page.get_by_role("button", name="Отправить").click()
        page.get_by_role("alert").wait_for()


class Site(http.server.BaseHTTPRequestHandler):
    """A page of another site under a strict policy, with the snippet in it."""

    crm = ""

    def do_GET(self) -> None:
        page = (
            '<!doctype html><html lang="ru"><meta charset="utf-8"><title>Site</title><link rel="icon" href="data:,">'
            f'<div data-crm-form="site-key"></div><script src="{self.crm}/static/js/embed.js" async></script></html>'
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        policy = f"default-src 'self'; img-src data:; script-src {self.crm}; connect-src {self.crm}; style-src 'self'"
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def site(live_server: Any) -> Iterator[str]:
    handler = type("Handler", (Site,), {"crm": live_server.url})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.rule("LEAD-1")
def test_the_snippet_works_on_another_site_and_knows_the_landing_page(
    form: WebForm, site: str, page_for: Callable[..., Any]
) -> None:
    WebForm.objects.update(allowed_origins=[site], asks_work=True)
    page = page_for(None, **PHONE)
    page.goto(f"{site}/?utm_source=vk&utm_medium=cpc&yclid=7", referer="https://vk.com/angary")
    page.goto(f"{site}/contacts")
    page.get_by_label("Имя").fill("Иван")
    page.get_by_label("Телефон").fill("нет")
    page.get_by_role("button", name="Отправить").click()
    page.get_by_text("Телефон не распознан").first.wait_for()
    page.get_by_label("Телефон").fill("8 912 345-67-89")
    page.get_by_role("button", name="Отправить").click()
    page.get_by_text("Мы получили вашу заявку").wait_for()
    assert page.context.cookies() == []
    lead = Lead.objects.get()
    assert (lead.name, lead.utm_source, lead.click_ids) == ("Иван", "vk", {"yclid": "7"})
    assert set(Submission.objects.values_list("meta__work", flat=True)) == {"done"}
    assert lead.landing_page.startswith(f"{site}/?utm_source=vk")


def test_the_builders_preview_follows_what_is_typed(form: WebForm, page_for: Callable[..., Any]) -> None:
    page = page_for(make_user(Role.SALES_HEAD))
    page.goto(f"/settings/forms/{form.pk}/")
    page.get_by_label("Заголовок").fill("Рассчитаем ваш ангар")
    frame = page.frame_locator("iframe[name=form-preview]")
    frame.get_by_role("heading", name="Рассчитаем ваш ангар").wait_for()
    assert page.locator("iframe[name=form-preview]").bounding_box()["width"] <= 392
    row = page.locator("[data-builder-row]").nth(3)
    row.get_by_label("Подпись").fill("Ваш город")
    frame.get_by_label("Ваш город").wait_for()
    # By the arrow keys on the handle, then by the button: second from fourth.
    moved = page.locator("[data-builder-row]").filter(has=page.locator("input[name$='-label'][name*='-3-']"))
    moved.locator("[data-builder-handle]").press("ArrowUp")
    expect(moved.locator("[data-builder-number]")).to_have_value("3")
    expect(moved.locator("[data-builder-handle]")).to_be_focused()
    moved.get_by_role("button", name="Выше").click()
    expect(page.locator("[data-builder-said]")).to_contain_text("«Ваш город» теперь под номером 2")
    page.get_by_role("button", name="Сохранить").click()
    page.get_by_text("Сохранено").first.wait_for()
    assert [field["label"] for field in WebForm.objects.get().fields] == ["", "Ваш город", "", ""]
