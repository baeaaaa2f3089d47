"""A timeline is read in the reader's language, whoever wrote it, and says which record a line is about."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Role
from crm import timeline
from crm.models import Source, TimelineEntry
from crm.models.system import job_title
from crm.services import record_update
from deals.models import Deal
from leads.conversion import PERSON, ConversionChoice, convert
from leads.models import Lead
from leads.services import lead_create
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACT-2")]


def changed(record: Any, **data: Any) -> TimelineEntry:
    fresh = type(record).objects.get(pk=record.pk)
    record_update(fresh, data=data, by=make_user(Role.SALES_HEAD))
    return TimelineEntry.objects.filter(action="fields").latest("pk")


@pytest.fixture
def lead() -> Lead:
    return lead_create(by=make_user(), data={"name": "Пётр Кимов"}, phones="+79161234567")


def test_names_of_fields_sources_and_yes_are_the_readers(lead: Lead) -> None:
    source = Source.objects.create(code="fair", name_ru="Выставка", name_en="Trade fair")
    with translation.override("ru"):
        entry = changed(lead, source=source, messages_consent=True)
    assert "Выставка" in str(entry.data)
    with translation.override("en"):
        shown = {row["field"]: (row["label"], row["new"]) for row in timeline.changed_fields(entry)}
        assert shown["source"] == ("source", "Trade fair")
        assert shown["messages_consent"][1] == "yes"
        assert "source: — → Trade fair" in timeline.sentence(entry)
    with translation.override("ru"):
        assert "— → Выставка" in timeline.sentence(entry)


def test_rows_written_before_codes_were_kept_are_still_read(lead: Lead) -> None:
    entry = TimelineEntry(
        record_type="lead", record_id=lead.pk, action="fields",
        data={"changes": [
            {"field": "source", "label": "источник", "old": "", "new": "Выставка"},
            {"field": "gone", "label": "старое поле", "old": "а", "new": "б"},
        ]},
    )  # fmt: skip
    with translation.override("en"):
        assert timeline.sentence(entry) == "source: — → Выставка; старое поле: а → б"


def test_what_happened_to_the_lead_is_marked_on_the_deals_timeline(client: Client, lead: Lead) -> None:
    head = make_user(Role.SALES_HEAD, language="en")
    record_update(Lead.objects.get(pk=lead.pk), data={"name": "Пётр Ким"}, by=head)
    done = convert(lead_id=lead.pk, by=head, choice=ConversionChoice(kind=PERSON))
    assert isinstance(done.deal, Deal)
    record_update(Deal.objects.get(pk=done.deal.pk), data={"request_text": "Ангар"}, by=head)
    client.force_login(head)
    context = client.get(f"/deals/{done.deal.pk}/").context
    marks = {row["of"] for row in context["entries"] if row["changes"]}
    assert marks == {"Lead", ""}
    assert {row["of"] for row in client.get(f"/leads/{lead.pk}/").context["entries"]} == {""}
    rows = client.get(f"/api/v1/deals/{done.deal.pk}/timeline/").json()["results"]
    assert {row["record_type"] for row in rows} == {"lead", "deal"}


def test_a_job_is_called_in_whole_words() -> None:
    with translation.override("ru"):
        assert job_title("tag", "lead") == "Изменение меток: лиды"
        assert job_title("move", "deal") == "Перевод на стадию: сделки"
        assert job_title("export") == "Экспорт"
