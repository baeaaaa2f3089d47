"""Settings as a file: what goes out comes in again, a preview tells the truth, single changes are taken back."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from automation.models import Rule
from automation.services import rule_switch
from communications.models import MessageTemplate, WebForm
from crm import preferences
from crm.direction_settings import mapping_set
from crm.errors import InvalidInput, StageConflict
from crm.exclusions import exclusion_remove, exclusions_keep, is_excluded
from crm.models import Change, Exclusion, Pipeline, RefusalReason, Source, Stage
from crm.settings_revert import changes, setting_revert
from crm.settings_services import pipeline_add, preferences_set, required_set, stage_add, stage_change, stage_shift
from crm.settings_transfer import SECTIONS, compare, dump, take_in
from deals.models import Product
from leads.models import RoutingRule
from leads.routing_services import routing_rule_save
from objects_registry.models import SteelConsumption
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD, language="en", email="head@example.org")


def plain(found: Any) -> Any:
    """As a file holds it."""
    return json.loads(json.dumps(found, ensure_ascii=False))


def test_the_file_holds_every_kind_of_setting_and_says_nothing_of_itself(head: Any) -> None:
    WebForm.objects.create(name="Сайт")
    routing_rule_save(RoutingRule(), by=head, data={"name": "Казань", "target": "person", "person": head})
    exclusions_keep(kind="phone", values="8 912 000-00-01", reason="Спам", by=head)
    service = pipeline_add(by=head, name_ru="Сервис", like=Pipeline.objects.get(pk="deal"))
    mapping_set(Pipeline.objects.get(pk="deal"), service, {"costing": "negotiation"}, by=head)
    Product.objects.create(name_ru="Сваи", name_en="Piles", price=1)
    found = plain(dump())
    assert set(found) == {"format", "preferences", *SECTIONS}
    assert all(found[kind] for kind in SECTIONS)
    assert compare(found) == []
    assert "password" not in json.dumps(found)


@pytest.mark.rule("LEAD-15")
def test_the_exclusion_list_goes_along_and_is_taken_back_softly(head: Any) -> None:
    (kept,) = exclusions_keep(kind="phone", values="8 912 000-00-01", reason="Спам", by=head)
    gone, *_rest = exclusions_keep(kind="domain", values="gone.example", reason="Спам", by=head)
    exclusion_remove(gone, by=head)
    found = plain(dump())
    assert found["exclusion"] == [{"kind": "phone", "value": "+79120000001", "reason": "Спам"}]
    found["exclusion"][0]["reason"] = "Обзвон роботом"
    found["exclusion"].append({"kind": "domain", "value": "@Spam.example", "reason": "Рассылка"})
    assert [(change.kind, change.is_new) for change in compare(found)] == [("exclusion", False), ("exclusion", True)]
    take_in(found, by=head)
    assert is_excluded("a@spam.example")
    assert Exclusion.objects.get(pk=kept.pk).reason == "Обзвон роботом"
    setting_revert(changes().filter(record_type="exclusion", field="reason").get(), by=head)
    added = Exclusion.objects.get(value="spam.example")
    setting_revert(changes().get(record_type="exclusion", field="created", record_id=added.pk), by=head)
    assert Exclusion.objects.get().reason == "Спам"
    assert Exclusion.every.get(pk=added.pk).removed_by == head
    found["exclusion"] = [{"kind": "phone", "value": "не телефон", "reason": "x"}]
    with pytest.raises(InvalidInput, match="не номер телефона"):
        take_in(found, by=head)


def test_a_changed_file_is_previewed_then_taken_in_and_audited(head: Any) -> None:
    found = plain(dump())
    found["preferences"]["dormant_days"] = 200
    next(row for row in found["stage"] if row["key"] == "deal:costing")["name_ru"] = "Считаем"
    next(row for row in found["stage"] if row["key"] == "deal:costing")["required"] = ["purpose"]
    found["source"].append({"code": "fair", "name_ru": "Выставка", "name_en": "Fair", "order": 99, "is_active": True})
    found["steel"].append({"purpose": None, "span_to": "77", "height_to": None, "kg_per_m2": "55.5"})
    seen = {(change.kind, change.is_new) for change in compare(found)}
    assert seen == {("preference", False), ("stage", False), ("source", True), ("steel", True)}
    assert Source.objects.filter(code="fair").count() == 0
    take_in(found, by=head)
    assert preferences.get("dormant_days") == 200
    stage = Stage.objects.get(key="deal:costing")
    assert (stage.name_ru, stage.required) == ("Считаем", ["purpose"])
    assert SteelConsumption.objects.get(span_to=77).kg_per_m2 == Decimal("55.5")
    assert compare(found) == []
    assert set(changes().values_list("record_type", "field")) >= {
        ("preference", "dormant_days"), ("stage", "name_ru"), ("stage", "required"), ("source", "created"),
    }  # fmt: skip


def test_a_setting_that_takes_others_along_does_not_change_what_the_file_says_of_those(head: Any) -> None:
    stage = Stage.objects.get(key="lead:data_complete")
    before = dump()
    preferences_set({"lead_minimum": ["name"]}, by=head)
    required_set(stage.pipeline, by=head, wanted={stage.key: ["name", "purpose", "height"]})
    theirs = dump()
    take_in(before, by=head)
    assert plain(dump()) == plain(before)
    take_in(theirs, by=head)
    assert set(Stage.objects.get(key=stage.key).required) == {"name", "purpose", "height"}
    assert plain(dump()) == plain(theirs)


def test_a_pipeline_with_its_stages_and_reasons_comes_with_the_file(head: Any) -> None:
    found = plain(dump())
    here = copy.deepcopy(found)
    found["pipeline"].append(
        {**next(row for row in found["pipeline"] if row["code"] == "deal"), "code": "deal_9", "order": 9}
    )
    for row in [row for row in found["stage"] if row["pipeline"] == "deal"]:
        found["stage"].append({**row, "key": f"deal_9:{row['code']}", "pipeline": "deal_9"})
    found["reason"].append({**found["reason"][0], "stage": "deal_9:price_of_structures", "name_ru": "Дорого"})
    take_in(found, by=head)
    assert Stage.objects.filter(pipeline="deal_9").count() == Stage.objects.filter(pipeline="deal").count()
    assert RefusalReason.objects.filter(stage="deal_9:price_of_structures").count() == 1
    assert compare(found) == []
    assert compare(here) == [], "what a file does not name stays"


def wrong_files() -> list[Any]:
    good = {"format": 1}
    return [
        [], None, 5, {}, {"format": 2}, {**good, "people": []}, {**good, "stage": {}}, {**good, "stage": ["x"]},
        {**good, "preferences": []}, {**good, "preferences": {"nonsense": 1}},
        {**good, "stage": [{"key": "x", "y": 1}]},
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", wrong_files())
def test_what_is_no_file_of_settings_is_refused_in_a_sentence(head: Any, wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        take_in(wrong, by=head)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("stage", {"key": "deal:costing", "kind": "failure"}),
        ("stage", {"key": "deal:costing", "required": ["nonsense"]}),
        ("stage", {"key": "deal:costing", "required": "purpose"}),
        ("stage", {"key": "deal:costing", "norm_hours": {"a": 1}}),
        ("stage", {"key": "deal:request_received", "is_hidden": True}),
        ("stage", {"key": "deal:x", "pipeline": "nowhere", "code": "x", "name_ru": "X", "name_en": "X"}),
        ("template", {"code": "new", "name_ru": "Н", "name_en": "N", "text": "Hello, {nobody}"}),
        ("rule", {"code": "x", "pipeline": "deal", "name_ru": "x", "name_en": "x", "action": "explode"}),
        ("routing", {"name": "x", "target": "person", "person": "nobody@example.org"}),
        ("source", {"code": "x", "name_ru": None}),
        ("steel", {"purpose": None, "kg_per_m2": "heavy"}),
    ],
)
def test_a_row_that_cannot_be_is_named_and_nothing_of_the_file_is_taken(
    head: Any, kind: str, row: dict[str, Any]
) -> None:
    before = dump()
    source = {"code": "fair", "name_ru": "Выставка", "name_en": "Fair"}
    given = {"format": 1, "preferences": {"dormant_days": 7}, "source": [source]}
    given[kind] = [*given.get(kind, []), row]
    with pytest.raises(InvalidInput):
        take_in(given, by=head)
    assert dump() == before


def test_after_edits_and_taking_them_back_the_settings_are_what_they_were(head: Any) -> None:
    before = plain(dump())
    rule = Rule.objects.order_by("pk").first()
    assert rule is not None
    rule_switch(rule, is_active=not rule.is_active, by=head)
    preferences_set({"dormant_days": 12}, by=head)
    stage = Stage.objects.select_related("pipeline").get(key="deal:costing")
    stage_change(stage, by=head, data={"name_ru": "Считаем", "norm_hours": 7})
    required_set(stage.pipeline, by=head, wanted={stage.key: ["purpose"]})
    stage_shift(stage, by=head, step=1)
    stage_add(stage.pipeline, by=head, name_ru="Замер", kind="open", colour="blue")
    routing_rule_save(RoutingRule(), by=head, data={"name": "Казань", "target": "person", "person": head})
    made = list(changes())
    assert len(made) >= 7
    for change in made:
        setting_revert(change, by=head)
    assert plain(dump()) | {"stage": 0} == before | {"stage": 0}
    # A new stage put the numbers of the places in order; the order itself is the old one.
    assert [row["key"] for row in sorted(dump()["stage"], key=lambda row: (row["pipeline"], row["order"]))] == [
        row["key"] for row in sorted(before["stage"], key=lambda row: (row["pipeline"], row["order"]))
    ]


def test_a_change_that_was_overtaken_is_not_taken_back(head: Any) -> None:
    preferences_set({"dormant_days": 12}, by=head)
    first = changes().first()
    preferences_set({"dormant_days": 13}, by=head)
    assert first is not None
    with pytest.raises(StageConflict):
        setting_revert(first, by=head)
    assert preferences.get("dormant_days") == 13


def test_only_heads_take_in_and_take_back(head: Any) -> None:
    preferences_set({"dormant_days": 12}, by=head)
    change = changes().first()
    assert change is not None
    for act in (lambda by: take_in({"format": 1, "preferences": {"dormant_days": 5}}, by=by),
                lambda by: setting_revert(change, by=by)):  # fmt: skip
        with pytest.raises(PermissionDenied):
            act(make_user())
    assert preferences.get("dormant_days") == 12


def test_the_page_gives_the_file_previews_it_and_takes_it_in(head: Any, client: Client) -> None:
    client.force_login(head)
    file = client.get("/settings/transfer/download/")
    assert "attachment" in file["Content-Disposition"]
    given = file.json()
    template = MessageTemplate.objects.order_by("pk").first()
    assert template is not None
    next(row for row in given["template"] if row["code"] == template.pk)["name_en"] = "<b>Bold</b>"
    text = json.dumps(given)
    seen = client.post("/settings/transfer/", {"file": SimpleUploadedFile("s.json", text.encode())})
    assert "&lt;b&gt;Bold&lt;/b&gt;" in seen.content.decode()
    template.refresh_from_db()
    assert template.name_en != "<b>Bold</b>"
    assert client.post("/settings/transfer/", {"text": text, "apply": "1"}).status_code == 302
    template.refresh_from_db()
    assert template.name_en == "<b>Bold</b>"
    change = Change.objects.get(record_type="template", field="name_en")
    assert client.post(f"/settings/transfer/changes/{change.pk}/revert/").status_code == 302
    template.refresh_from_db()
    assert template.name_en != "<b>Bold</b>"
    for wrong in (b"", b"\xff\xfe\x00", b"[" * 100_000, b"{}", b'"x"'):
        answer = client.post("/settings/transfer/", {"file": SimpleUploadedFile("s.json", wrong)})
        assert answer.status_code == 422


def test_the_api_does_the_same(head: Any, client: Client) -> None:
    client.force_login(head)
    given = client.get("/api/v1/settings/").json()
    given["preferences"]["dormant_days"] = 77
    post = {"content_type": "application/json"}
    look = client.post("/api/v1/settings/import/", {"settings": given, "dry_run": True}, **post)
    assert look.status_code == 200, look.content
    assert [row["fields_changed"] for row in look.json()["changes"]] == [
        [{"name": "dormant_days", "old": 365, "new": 77}]
    ]
    assert preferences.get("dormant_days") == 365
    assert client.post("/api/v1/settings/import/", {"settings": given}, **post).status_code == 200
    assert preferences.get("dormant_days") == 77
    change = changes().first()
    assert change is not None
    assert client.post(f"/api/v1/settings/changes/{change.pk}/revert/", **post).status_code == 204
    assert preferences.get("dormant_days") == 365
    assert client.post("/api/v1/settings/import/", {"settings": []}, **post).status_code in {400, 422}
    client.force_login(make_user())
    assert client.get("/api/v1/settings/").status_code == 403


def test_the_file_is_chosen_by_words_of_the_page_and_the_pages_of_the_account_lead_back(client: Client) -> None:
    admin = make_user(Role.ADMINISTRATOR)
    client.force_login(admin)
    page = client.get("/settings/transfer/").content.decode()
    assert "Выбрать файл" in page
    assert 'type="file"' in page
    for path in ("/accounts/2fa/", "/accounts/password/change/"):
        assert (
            f'href="{reverse("accounts:profile")}"' in client.get(path, follow=True).content.decode().split("<main")[1]
        )
