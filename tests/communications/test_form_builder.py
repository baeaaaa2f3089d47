"""The builder of forms, what a site's fields are, and the trial of a form, in the settings (COM-6)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import Role
from communications.learning import fields_seen
from communications.models import Message, Submission, WebForm
from communications.tasks import process_submissions
from communications.web_forms import fields_of, web_form_change, web_form_create
from crm.errors import InvalidInput
from crm.models import Change, TimelineEntry
from leads.models import Lead
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("COM-6")]


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


@pytest.fixture
def office(client: Client, head: Any) -> Client:
    client.force_login(head)
    return client


@pytest.fixture
def form() -> WebForm:
    return WebForm.objects.create(name="Сайт", key="site-key", source_id="direct")


def post(form: WebForm, data: dict[str, Any]) -> Any:
    url = f"/api/v1/forms/{form.key}/submissions/"
    return Client().post(url, json.dumps(data), content_type="application/json")


def builder_data(**changes: Any) -> dict[str, Any]:
    rows = [
        {"key": "name", "meaning": "name", "label": "Как вас зовут?", "type": "text", "required": "on", "ORDER": "2"},
        {"key": "phone", "meaning": "phone", "label": "", "type": "phone", "required": "on", "ORDER": "1"},
        {"key": "", "meaning": "", "label": "Цвет стен", "type": "select", "options": "Серый; Белый", "ORDER": "3"},
        {"key": "", "meaning": "", "label": "", "type": "text", "ORDER": "4"},
    ]
    data = {
        "name": "Лендинг", "source": "direct", "language": "", "is_active": "on", "title": "Расчёт ангара",
        "colour": "#aa0000", "background": "#ffffff", "consent_text": "Согласен", "consent_required": "on",
        "min_seconds": "3", "origins": "https://site.ru\nangar.рф", "utm_source": "landing",
        "f-TOTAL_FORMS": str(len(rows)), "f-INITIAL_FORMS": "3", "f-MIN_NUM_FORMS": "0", "f-MAX_NUM_FORMS": "32",
    }  # fmt: skip
    for number, row in enumerate(rows):
        data |= {f"f-{number}-{name}": value for name, value in row.items()}
    return {**data, **changes}


def test_a_form_is_built_in_the_browser(office: Client, form: WebForm) -> None:
    answer = office.post(f"/settings/forms/{form.pk}/", builder_data())
    assert answer.status_code == 302, answer.content.decode()[:3000]
    form.refresh_from_db()
    assert [(row.key, row.meaning, row.shown) for row in fields_of(form)] == [
        ("phone", "phone", "Телефон"), ("name", "name", "Как вас зовут?"), ("field_3", "", "Цвет стен"),
    ]  # fmt: skip
    assert fields_of(form)[2].options == ("Серый", "Белый")
    assert form.allowed_origins == ["https://site.ru", "https://angar.xn--p1ai"]
    assert (form.marks, form.consent_version) == ({"utm_source": "landing"}, 1)
    assert Change.objects.filter(record_type="webform", field="fields").exists()
    page = Client().get("/f/site-key/").content.decode()
    for text in ("Расчёт ангара", "Как вас зовут?", "Цвет стен", "Белый", "Согласен", "colour=aa0000"):
        assert text in page
    again = office.get(f"/settings/forms/{form.pk}/").content.decode()
    assert "Как вас зовут?" in again


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "name"),
        ({"f-1-meaning": "", "f-1-label": "Телефон"}, "нужен телефон или e-mail"),
        ({"f-2-options": ""}, "вариантов"),
        ({"origins": "not a site!"}, "это не сайт"),
        ({"colour": "red"}, "#1f5fbf"),
        ({"redirect_url": "javascript:alert(1)"}, ""),
        ({"min_seconds": "-1"}, ""),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_changed(
    office: Client, form: WebForm, changes: dict[str, str], said: str
) -> None:
    answer = office.post(f"/settings/forms/{form.pk}/", builder_data(**changes))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    form.refresh_from_db()
    assert (form.fields, form.title) == ([], "")


@pytest.mark.parametrize(
    "data",
    [
        {"fields": [{"meaning": "phone", "type": "telepathy"}]},
        {"fields": [{"meaning": "secret"}]},
        {"fields": [{"key": "a b", "meaning": "phone"}]},
        {"fields": [{"key": "x", "meaning": "phone"}, {"key": "x", "meaning": "email"}]},
        {"fields": [{"meaning": "phone", "onclick": "x"}]},
        {"fields": "phone"},
        {"fields": [{"meaning": "phone"}] * 40},
        {"marks": {"utm_evil": "x"}},
        {"field_map": {"a": "nonsense"}},
        {"redirect_url": "ftp://site.ru"},
        {"allowed_origins": ["https://site.ru/path"]},
    ],
)
def test_the_service_refuses_by_name(form: WebForm, head: Any, data: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        web_form_change(form, data=data, by=head)
    assert refused.value.errors[0]["pointer"].startswith(f"/{next(iter(data))}")


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize("role", [Role.SALES_MANAGER, Role.CALL_CENTER, Role.PARTNER, Role.PARTNER_CONTROL])
def test_others_build_no_forms(form: WebForm, role: str) -> None:
    user = make_user(role)
    for change in (
        lambda: web_form_create(data={"name": "x"}, by=user),
        lambda: web_form_change(form, data={"name": "x"}, by=user),
    ):
        with pytest.raises(PermissionDenied):
            change()


def test_the_preview_shows_what_is_not_saved(office: Client, form: WebForm) -> None:
    answer = office.post(f"/settings/forms/{form.pk}/preview/", builder_data(title="Ещё не сохранено"))
    assert "Ещё не сохранено" in answer.content.decode()
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
    form.refresh_from_db()
    assert form.title == ""
    assert "frame-ancestors 'none'" in Client().get("/f/site-key/")["Content-Security-Policy"]


# -- a trial ----------------------------------------------------------------------------------------------------------


def test_a_trial_shows_the_lead_and_its_way_and_leaves_nothing(office: Client, form: WebForm, head: Any) -> None:
    before = TimelineEntry.objects.count()
    data = {
        "name": "Анна",
        "phone": "89123456789",
        "message": "Склад",
        "_page": "https://site.ru/?utm_source=vk&utm_medium=cpc",
    }
    answer = office.post(f"/settings/forms/{form.pk}/trial/", data)
    trial = answer.context["trial"]
    assert (trial.lead.name, trial.lead.phone, trial.lead.source_id) == ("Анна", "+79123456789", "vk_ads")
    assert (trial.lead.stage, trial.lead.responsible) == ("lead:needs_data", head)
    page = answer.content.decode()
    for text in ("Не хватает данных", "VK Реклама", head.short_name):
        assert text in page
    assert not Lead.objects.exists()
    assert not Submission.objects.exists()
    assert not Message.objects.exists()
    assert TimelineEntry.objects.count() == before


def test_a_trial_of_a_known_client_shows_whose_it_would_be(office: Client, form: WebForm) -> None:
    from crm.clients import contact_create

    manager = make_user()
    contact_create(by=manager, data={"name": "Анна Ким", "responsible": manager}, phones="89123456789")
    trial = office.post(f"/settings/forms/{form.pk}/trial/", {"name": "Анна", "phone": "89123456789"}).context["trial"]
    assert (trial.lead.stage, trial.lead.responsible, trial.lead.is_repeat) == ("lead:handed_over", manager, True)


def test_the_responsible_of_a_form_gets_its_leads(form: WebForm, head: Any) -> None:
    manager = make_user()
    web_form_change(form, data={"responsible": manager}, by=head)
    post(form, {"name": "Анна", "phone": "89123456789"})
    lead = Lead.objects.get()
    assert (lead.responsible, lead.stage) == (manager, "lead:handed_over")
    manager.is_active = False
    manager.save()
    post(form, {"name": "Пётр", "phone": "89120000000"})
    assert Lead.objects.latest("pk").responsible == head


# -- fields of a site -------------------------------------------------------------------------------------------------


def test_a_person_says_what_a_sites_fields_are_and_it_is_remembered(office: Client, form: WebForm) -> None:
    post(form, {"input_1": "Анна", "input_2": "8 912 345-67-89", "input_3": "Тверь", "ok": "on"})
    post(form, {"input_1": "Пётр", "input_2": "звоните вечером", "input_3": "Казань"})
    page = office.get(f"/settings/forms/{form.pk}/fields/").content.decode()
    for text in ("input_1", "Анна", "Пётр", "Казань", "не распознано"):
        assert text in page
    names = [seen.name for seen in fields_seen(form)]
    said = {"input_1": "name", "input_2": "phone", "input_3": "city", "ok": "-"}
    answer = office.post(
        f"/settings/forms/{form.pk}/fields/", {f"m{number}": said.get(name, "") for number, name in enumerate(names)}
    )
    assert answer.status_code == 302
    form.refresh_from_db()
    assert form.field_map == said
    post(form, {"input_1": "Ольга", "input_2": "89120000000", "input_3": "Омск", "ok": "on"})
    lead = Lead.objects.latest("pk")
    assert (lead.name, lead.phone, lead.city, lead.request_text) == ("Ольга", "+79120000000", "Омск", "Ok: да")


def test_earlier_posts_are_read_again(office: Client, form: WebForm, clock: Any) -> None:
    post(form, {"input_1": "Анна", "input_2": "8 912 345-67-89", "input_3": "Тверь"})
    post(form, {"input_1": "Пётр", "input_2": "a(at)mail.ru"})
    lead = Lead.objects.get()
    assert (lead.name, lead.city) == ("", "")
    WebForm.objects.filter(pk=form.pk).update(field_map={"input_1": "name", "input_3": "city"})
    Submission.objects.filter(state="failed").update(
        body=json.dumps({"input_1": "Пётр", "input_2": "p@mail.ru"}).encode()
    )
    office.post(f"/settings/forms/{form.pk}/fields/again/")
    clock.travel(seconds=1)
    process_submissions()
    lead.refresh_from_db()
    assert (lead.name, lead.city) == ("Анна", "Тверь")
    assert set(Lead.objects.values_list("name", flat=True)) == {"Анна", "Пётр"}
    lead.name = "Анна Сергеевна"
    lead.save()
    office.post(f"/settings/forms/{form.pk}/fields/again/")
    process_submissions()
    lead.refresh_from_db()
    assert lead.name == "Анна Сергеевна"
    assert Lead.objects.count() == 2


def test_posts_older_than_a_month_are_left_alone(office: Client, form: WebForm, clock: Any) -> None:
    post(form, {"input_1": "Анна"})
    clock.travel(days=31)
    office.post(f"/settings/forms/{form.pk}/fields/again/")
    assert Submission.objects.get().state == "failed"


def test_the_pages_take_few_queries(office: Client, form: WebForm, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        WebForm.objects.create(name=f"Форма {number}", source_id="direct")
        Submission.objects.create(form=form, body=b"x", fields=[[f"n{number}", "x"]], state="failed")
    for path in ("/settings/forms/", f"/settings/forms/{form.pk}/", f"/settings/forms/{form.pk}/fields/"):
        with django_assert_max_num_queries(15):
            assert office.get(path).status_code == 200


def test_the_snippet_is_small_and_has_its_address(office: Client, form: WebForm) -> None:
    from pathlib import Path

    page = office.get(f"/settings/forms/{form.pk}/connect/", headers={"HX-Request": "true"}).content.decode()
    assert "http://testserver/static/js/embed.js" in page
    assert "data-crm-form=&quot;site-key&quot;" in page
    assert "http://testserver/f/site-key/" in page
    script = Path("static/js/embed.js").read_text(encoding="utf-8")
    assert len(script.encode()) < 20_000
    assert "document.cookie" not in script
