"""The audit trail is kept as JSON and read as words; so are the sentences of the timeline."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Role
from crm import timeline
from crm.models import Change, TimelineEntry
from tests.factories import make_user

pytestmark = pytest.mark.django_db

LINES = [
    ("deal", "amount_is_manual", False, True, ["сумма введена вручную", "нет", "да"]),
    ("deal", "amount", None, "5467392.50", ["сумма", "5\xa0467\xa0392,5"]),
    ("deal", "contract_date", None, "2026-11-02", ["дата договора", "02.11.2026"]),
    ("lead", "missing_minimum", ["place", "size"], [], ["не хватает для квалификации", "место, длина и ширина"]),
    ("contact", "preferred_channel", "phone", "email", ["предпочтительный канал", "e-mail"]),
    ("stage", "required", {"of": "deal:costing", "value": []}, {"of": "deal:costing", "value": ["amount"]}, ["сумма"]),
    ("stage", "norm_hours", {"of": "deal:costing", "value": 24}, {"of": "deal:costing", "value": 48}, ["норматив, ч"]),
    ("preference", "merge_undo_days", {"of": "x", "value": 30}, {"of": "x", "value": 20}, ["сколько дней можно отмен"]),
    ("team", "deleted", {"of": "Юг", "value": "Юг"}, None, ["удалено", "юг"]),
]


@pytest.mark.rule("ACC-5")
@pytest.mark.parametrize(("kind", "field", "old", "new", "words"), LINES, ids=lambda value: str(value)[:24])
def test_the_audit_trail_says_fields_and_values_in_words(
    client: Client, kind: str, field: str, old: Any, new: Any, words: list[str]
) -> None:
    client.force_login(make_user(Role.ADMINISTRATOR, language="ru"))
    Change.objects.create(record_type=kind, record_id=1, field=field, old=old, new=new, actor_kind="system")
    page = client.get(f"/settings/audit/?record_type={kind}").content.decode()
    rows = unescape(page).split("<tbody>")[1].casefold()
    assert [word for word in words if word not in rows] == []


def test_a_sentence_that_ends_with_an_initial_has_one_dot() -> None:
    entry = TimelineEntry(action="responsible", data={"old": "Орлов Д. А.", "new": "Морозова Е. В."})
    with translation.override("ru"):
        assert timeline.sentence(entry) == "Ответственный: Орлов Д. А. → Морозова Е. В."
        entry.data["reason"] = "Уволен."
        assert timeline.sentence(entry) == "Ответственный: Орлов Д. А. → Морозова Е. В. Уволен."


def test_what_people_wrote_stays_as_they_wrote_it() -> None:
    entry = TimelineEntry(action="note", data={"text": "Дом А.. и дом Б..."})
    assert timeline.sentence(entry) == "Дом А.. и дом Б..."


def test_changed_fields_are_called_in_the_language_of_the_reader() -> None:
    row = {"field": "contact", "label": "контакт", "old": "", "new": "Иванов"}
    entry = TimelineEntry(record_type="deal", action="fields", data={"changes": [row, {**row, "field": "gone"}]})
    with translation.override("en"):
        assert [row["label"] for row in timeline.changed_fields(entry)] == ["contact", "контакт"]
