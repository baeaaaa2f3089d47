"""The page of a form on our own host: without scripts and cookies, errors at the fields, robots kept out (COM-6)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Role
from communications.channels.webform import guards
from communications.models import Submission, WebForm
from communications.processing import submission_reprocess
from communications.web_forms import web_form_change
from crm.models import Attachment
from leads.models import Lead
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("COM-6")]
PAGE = "/f/site-key/"
GOOD = {"name": "Анна", "phone": "8 912 345-67-89", "message": "Нужен склад 60×24"}


@pytest.fixture
def form() -> WebForm:
    return WebForm.objects.create(name="Сайт", key="site-key", source_id="direct")


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def open_page(query: str = "", client: Client | None = None, **headers: str) -> tuple[dict[str, str], str]:
    answer = (client or Client()).get(f"{PAGE}{query}", headers=headers)
    assert answer.status_code == 200
    text = answer.content.decode()
    return hidden(text), text


def send(clock: Any, data: dict[str, Any], *, seconds: float = 5, query: str = "", **headers: str) -> Any:
    values, _text = open_page(query, **headers)
    clock.travel(seconds=seconds)
    return Client().post(f"{PAGE}{query}", {**values, **data}, headers=headers)


@pytest.mark.rule("LEAD-1")
def test_a_visitor_without_scripts_becomes_a_lead_and_is_thanked(form: WebForm, clock: Any) -> None:
    answer = send(clock, GOOD)
    assert (answer.status_code, answer["Location"]) == (303, "/f/site-key/thanks/")
    lead = Lead.objects.get()
    assert (lead.name, lead.phone, lead.request_text) == ("Анна", "+79123456789", "Нужен склад 60×24")
    thanks = Client().get(answer["Location"])
    assert "Спасибо" in thanks.content.decode()


def test_the_page_sets_no_cookie_and_has_no_script(form: WebForm) -> None:
    answer = Client().get(PAGE)
    assert not answer.cookies
    assert "<script" not in answer.content.decode()
    assert 'style="' not in answer.content.decode()


@pytest.mark.rule("LEAD-1")
def test_marks_click_ids_referrer_and_page_come_along(form: WebForm, clock: Any) -> None:
    query = "?" + urlencode({"utm_source": "vk", "utm_medium": "cpc", "utm_campaign": "весна", "yclid": "77", "x": "1"})
    send(clock, GOOD, query=query, Referer="https://yandex.ru/search/")
    lead = Lead.objects.get()
    assert (lead.utm_source, lead.utm_campaign, lead.source_id) == ("vk", "весна", "vk_ads")
    assert lead.click_ids == {"yclid": "77"}
    assert lead.referrer == "https://yandex.ru/search/"
    assert lead.landing_page.startswith("http://testserver/f/site-key/?utm_source=vk")


def test_marks_of_the_form_are_for_those_who_bring_nothing(form: WebForm, clock: Any) -> None:
    form.marks = {"utm_source": "flyer", "utm_medium": "qr"}
    form.save()
    send(clock, GOOD)
    send(clock, {**GOOD, "phone": "89120000000"}, Referer="https://yandex.ru/search/")
    marks = dict(Lead.objects.values_list("phone", "utm_source"))
    assert marks == {"+79123456789": "flyer", "+79120000000": ""}


def test_errors_stand_at_the_fields_and_what_was_typed_is_kept(form: WebForm, clock: Any) -> None:
    answer = send(clock, {**GOOD, "phone": "звоните вечером", "name": '<b>"Анна"</b>'})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "<title>Ошибка:" in page
    assert "Это не номер телефона" in page
    assert 'value="звоните вечером"' in page
    assert "<b>" not in page
    assert 'aria-invalid="true"' in page
    assert not Lead.objects.exists()
    kept = Submission.objects.get()
    assert kept.state == "failed"
    assert "звоните вечером" in str(kept.fields)


@pytest.mark.rule("LEAD-2")
def test_a_mended_form_makes_one_lead_and_leaves_nothing_to_attend_to(form: WebForm, clock: Any) -> None:
    values, _text = open_page()
    clock.travel(seconds=5)
    first = Client().post(PAGE, {**values, **GOOD, "phone": "нет"})
    again = Client().post(PAGE, {**hidden(first.content.decode()), **GOOD})
    assert again.status_code == 303
    assert Lead.objects.count() == 1
    assert sorted(Submission.objects.values_list("state", flat=True)) == ["done", "duplicate"]


@pytest.mark.rule("LEAD-2")
def test_a_double_click_makes_one_lead(form: WebForm, clock: Any) -> None:
    values, _text = open_page()
    clock.travel(seconds=5)
    answers = [Client().post(PAGE, {**values, **GOOD}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert Lead.objects.count() == 1


def test_languages(form: WebForm) -> None:
    assert 'lang="ru"' in open_page()[1]
    english = open_page(**{"Accept-Language": "en-GB,en"})[1]
    assert 'lang="en"' in english
    assert "Phone" in english
    assert 'lang="ru"' in open_page("?lang=ru", **{"Accept-Language": "en"})[1]
    form.language = "en"
    form.save()
    assert 'lang="en"' in open_page("?lang=ru")[1]


# -- robots -----------------------------------------------------------------------------------------------------------


def test_a_robot_is_thanked_and_held_back_where_a_person_can_look(form: WebForm, clock: Any) -> None:
    answer = send(clock, {**GOOD, "homepage": "http://spam"})
    assert answer.status_code == 303
    assert not Lead.objects.exists()
    held = Submission.objects.get()
    assert held.state == "held"
    assert "робота" in held.error
    head = Client()
    head.force_login(make_user(Role.SALES_HEAD))
    assert "Нужен склад" in head.get("/settings/submissions/?state=held").content.decode()
    submission_reprocess(held, by=make_user(Role.SALES_HEAD))
    assert Lead.objects.get().phone == "+79123456789"


@pytest.mark.parametrize(
    "token",
    ["", "nonsense", "a.1:b"],
)
def test_a_post_that_never_opened_the_page_is_asked_to_press_again(form: WebForm, clock: Any, token: str) -> None:
    answer = Client().post(PAGE, {**GOOD, "_started": token})
    assert answer.status_code == 422
    assert 'value="Анна"' in answer.content.decode()
    assert Submission.objects.get().state == "held"
    clock.travel(seconds=4)
    again = Client().post(PAGE, {**hidden(answer.content.decode()), **GOOD})
    assert again.status_code == 303
    assert Lead.objects.count() == 1


def test_one_who_is_too_quick_presses_once_more(form: WebForm, clock: Any) -> None:
    values, _text = open_page()
    clock.travel(seconds=1)
    quick = Client().post(PAGE, {**values, **GOOD})
    assert quick.status_code == 422
    assert "ещё раз" in quick.content.decode()
    clock.travel(seconds=3)
    assert Client().post(PAGE, {**hidden(quick.content.decode()), **GOOD}).status_code == 303
    assert sorted(Submission.objects.values_list("state", flat=True)) == ["done", "duplicate"]


@pytest.mark.rule("LEAD-2")
def test_what_is_over_the_limit_is_kept_then_counted_and_shown(form: WebForm, clock: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(guards.FormThrottle, "THROTTLE_RATES", {"forms": "2/min"})
    answers = [send(clock, {**GOOD, "message": str(number)}) for number in range(6)]
    assert [answer.status_code for answer in answers] == [303, 303, 429, 429, 429, 429]
    assert int(answers[2]["Retry-After"]) > 0
    assert 'value="Анна"' in answers[2].content.decode()
    assert Submission.objects.filter(state="held").count() == 2
    form.refresh_from_db()
    assert form.held_back == 2
    head = Client()
    head.force_login(make_user(Role.SALES_HEAD))
    assert "не сохранено: 2" in head.get("/settings/submissions/?state=held").content.decode()
    assert "задержано: 2, не сохранено: 2" in head.get("/settings/forms/").content.decode()


def test_a_held_post_that_is_sent_again_in_time_is_one_lead(form: WebForm, monkeypatch: Any) -> None:
    monkeypatch.setattr(guards.FormThrottle, "THROTTLE_RATES", {"forms": "1/min"})
    url = "/api/v1/forms/site-key/submissions/"
    Client().post(url, {"phone": "89120000000"})
    over = Client().post(url, {"phone": "89123456789"})
    assert over.status_code == 429
    assert Submission.objects.get(pk=over.json()["id"]).state == "held"
    monkeypatch.setattr(guards.FormThrottle, "THROTTLE_RATES", {"forms": "100/min"})
    assert Client().post(url, {"phone": "89123456789"}).status_code == 202
    assert Submission.objects.get(pk=over.json()["id"]).state == "duplicate"


# -- consent and files ------------------------------------------------------------------------------------------------


def test_the_version_of_the_consent_is_kept_with_each_request(form: WebForm, clock: Any) -> None:
    head = make_user(Role.SALES_HEAD)
    web_form_change(form, data={"consent_text": "Согласен на обработку данных, https://site.ru/policy"}, by=head)
    _values, page = open_page()
    assert 'href="https://site.ru/policy"' in page
    refused = send(clock, GOOD)
    assert refused.status_code == 422
    assert "Без согласия" in refused.content.decode()
    assert send(clock, {**GOOD, "_consent": "1"}).status_code == 303
    web_form_change(form, data={"consent_text": "Новая формулировка"}, by=head)
    send(clock, {**GOOD, "phone": "89120000000", "_consent": "2"})
    versions = Submission.objects.filter(state="done").order_by("pk").values_list("consent__version", "consent__text")
    assert [version for version, _text in versions] == [1, 2]
    assert versions[1][1] == "Новая формулировка"
    lead = Lead.objects.order_by("pk")[0]
    client = Client()
    client.force_login(head)
    assert "версия текста 1" in client.get(f"/requests/lead/{lead.pk}/").content.decode()


def test_a_file_of_a_forbidden_kind_is_named_at_its_field(form: WebForm, clock: Any) -> None:
    fields = [{"meaning": "phone", "type": "phone"}, {"key": "plan", "label": "План", "type": "file"}]
    web_form_change(form, data={"fields": fields}, by=make_user(Role.SALES_HEAD))
    bad = send(clock, {"phone": "89123456789", "plan": SimpleUploadedFile("setup.exe", b"MZ")})
    assert bad.status_code == 422
    assert "«setup.exe»" in bad.content.decode()
    good = send(clock, {"phone": "89123456789", "plan": SimpleUploadedFile("plan.pdf", b"%PDF-1.4")})
    assert good.status_code == 303
    assert Attachment.objects.get().name == "plan.pdf"


# -- other sites ------------------------------------------------------------------------------------------------------


def test_only_allowed_sites_are_answered(form: WebForm) -> None:
    form.allowed_origins = ["https://site.ru"]
    form.save()
    url, client = "/api/v1/forms/site-key/submissions/", Client()
    for address in (url, "/f/site-key/config.json"):
        good = client.options(address, headers={"Origin": "https://site.ru"})
        assert good["Access-Control-Allow-Origin"] == "https://site.ru"
        assert "Origin" in good["Vary"]
        for origin in ("https://evil.ru", "null", "https://site.ru.evil.ru", "http://site.ru"):
            assert "Access-Control-Allow-Origin" not in client.options(address, headers={"Origin": origin})
    assert client.get("/f/site-key/config.json", headers={"Origin": "https://evil.ru"}).status_code == 403
    foreign = client.post(url, {"phone": "89123456789"}, headers={"Origin": "https://evil.ru"})
    assert foreign.status_code == 403
    held = Submission.objects.get(pk=foreign.json()["id"])
    assert held.state == "held"
    assert "https://evil.ru" in held.error
    for headers in ({"Origin": "https://site.ru"}, {}, {"Origin": "http://testserver"}):
        answer = client.post(url, {"phone": "89123456789", "n": str(headers)}, headers=headers)
        assert answer.status_code == 202


def test_without_a_list_any_site_is_answered_and_an_unknown_key_none(form: WebForm) -> None:
    answer = Client().options("/api/v1/forms/site-key/submissions/", headers={"Origin": "https://any.ru"})
    assert answer["Access-Control-Allow-Origin"] == "*"
    unknown = Client().options("/api/v1/forms/nonsense/submissions/", headers={"Origin": "https://any.ru"})
    assert "Access-Control-Allow-Origin" not in unknown


def test_what_the_snippet_reads_is_enough_to_send(form: WebForm, clock: Any) -> None:
    config = Client().get("/f/site-key/config.json?lang=en", headers={"Origin": "https://site.ru"}).json()
    assert (config["language"], config["button"]) == ("en", "Send")
    assert [field["name"] for field in config["fields"]] == ["name", "phone", "message"]
    data = {**GOOD, "_started": config["started"]}
    url = "/api/v1/forms/site-key/submissions/"
    quick = Client().post(url, data)
    assert (quick.status_code, quick.json()["code"]) == (422, "too_fast")
    clock.travel(seconds=4)
    assert Client().post(url, data).status_code == 202
    robot = Client().post(url, {**data, "homepage": "x", "phone": "89120000000"})
    assert robot.status_code == 202
    assert Lead.objects.count() == 1


def test_a_form_out_of_use_has_no_page(form: WebForm) -> None:
    form.is_active = False
    form.save()
    for path in ("", "thanks/", "style.css", "config.json"):
        if path != "style.css":
            assert Client().get(f"{PAGE}{path}").status_code == 404


def test_the_colours_are_a_style_sheet_of_known_shape(form: WebForm) -> None:
    sheet = Client().get(f"{PAGE}style.css?colour=000000&background=ff0000;}}body{{")
    assert sheet["Content-Type"].startswith("text/css")
    text = sheet.content.decode()
    assert "--f-colour:#000000" in text
    assert "--f-background:#ffffff" in text
    assert "body" not in text
