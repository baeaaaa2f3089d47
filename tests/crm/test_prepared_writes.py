"""INSERT and UPDATE put together once: they write what the ORM writes, and refuse what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError
from django.db.models import F, Value
from django_fsm import ConcurrentTransition

from accounts.models import User
from crm.models import Activity, Change, TimelineEntry
from crm.prepared_writes import FEW, insert_rows
from leads.models import Lead
from leads.services import lead_create
from tests.factories import make_user

pytestmark = pytest.mark.django_db
DUE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def make_task(title: str, due_at: datetime, owner: User) -> Activity:
    return Activity.objects.create(
        record_type="lead", record_id=1, title=title, due_at=due_at, responsible=owner, created_by=owner
    )


def test_what_is_saved_is_read_back_as_it_was():
    entry = TimelineEntry(
        record_type="lead", record_id=7, action="note", data={"text": "Ёж, «кавычки»", "n": [1, None]}
    )
    entry.save()
    again = TimelineEntry.objects.get(pk=entry.pk)
    assert (again.data, again.at, again.is_internal) == (entry.data, entry.at, False)
    again.data, again.is_pinned = {"text": ""}, True
    again.save(update_fields=["data", "is_pinned"])
    entry.refresh_from_db()
    assert (entry.data, entry.is_pinned) == ({"text": ""}, True)


def test_an_expression_among_the_values_is_carried_out():
    task = make_task("Позвонить", DUE, make_user())
    task.title = Value("Написать")
    task.save(update_fields=["title"])
    task.refresh_from_db()
    task.record_id = F("record_id") + 1
    task.save()
    task.refresh_from_db()
    assert (task.title, task.record_id) == ("Написать", 2)


def test_a_row_that_is_gone_cannot_be_updated():
    task = make_task("Позвонить", DUE, make_user())
    Activity.objects.filter(pk=task.pk).delete()
    with pytest.raises(DatabaseError):
        task.save(update_fields=["title"])


@pytest.mark.rule("PIPE-6")
def test_a_record_that_was_moved_meanwhile_cannot_be_saved():
    lead = lead_create(by=make_user(), data={"name": "Анна"})
    stale = Lead.objects.get(pk=lead.pk)
    Lead.objects.filter(pk=lead.pk).update(stage="lead:stalled")
    stale.city = "Тверь"
    with pytest.raises(ConcurrentTransition):
        stale.save(update_fields=["city", "stage"])


def test_rows_written_together_are_what_one_by_one_would_be():
    rows = [Change(record_type="lead", record_id=7, field=name, old=None, new={"a": [1]}) for name in ("city", "name")]
    insert_rows(rows)
    insert_rows([])
    many = [Change(record_type="lead", record_id=7, field=f"f{number}", new=number) for number in range(FEW + 1)]
    insert_rows(many)
    found = Change.objects.filter(record_id=7)
    assert found.count() == len(rows) + len(many)
    assert {(row.field, row.at) for row in rows} <= set(found.values_list("field", "at"))
    assert found.get(field="city").new == {"a": [1]}
    assert found.get(field="city").old is None


def test_a_foreign_key_to_nobody_says_so():
    lead = lead_create(by=make_user(), data={"name": "Анна", "width": Decimal(24)})
    fresh = Lead.objects.get(pk=lead.pk)
    assert fresh.responsible == lead.responsible
    assert fresh.contact is None
    fresh.responsible_id = 10**9
    with pytest.raises(User.DoesNotExist):
        _ = fresh.responsible
