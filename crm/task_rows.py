"""Tasks with what they are about: the records of a page of tasks in one query per kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from accounts.models import User
from crm.models import Activity, record_model
from crm.screens.happening import changeable_tasks, task_row


def rows_with_records(tasks: Iterable[Activity], user: User) -> list[dict[str, Any]]:
    """Tasks as components/task_row.html reads them, with record, client and phone where the person may see them."""
    found = list(tasks)
    records = _records(found, user)
    own = changeable_tasks(found, user)
    rows = []
    for task in found:
        row = task_row(task, may_change=task.pk in own)
        if task.pk in own and task.done_at is None:
            row["edit_url"] = reverse("task-edit", args=[task.pk])
        record = records.get((task.record_type, task.record_id))
        if record is not None:
            row |= {
                "record": str(record),
                "record_url": record.get_absolute_url(),
                "client": client_name(record),
                "phone": phone_of(record),
            }
        rows.append(row)
    return rows


def _records(tasks: list[Activity], user: User) -> dict[tuple[str, int], Any]:
    wanted: dict[str, set[int]] = {}
    for task in tasks:
        wanted.setdefault(task.record_type, set()).add(task.record_id)
    found: dict[tuple[str, int], Any] = {}
    for record_type, ids in wanted.items():
        model = record_model(record_type)
        names = {field.name for field in model._meta.concrete_fields}
        related = [name for name in ("contact", "company") if name in names]
        rows: Any = model._default_manager
        for record in rows.visible_to(user).filter(pk__in=ids).select_related(*related).defer("search_text"):
            found[record_type, record.pk] = record
    return found


def client_name(record: Any) -> str:
    """Who the record is about, when the record itself does not say it."""
    client = getattr(record, "company", None) or getattr(record, "contact", None)
    return str(client) if client is not None else str(getattr(record, "company_name", "") or "")


def phone_of(record: Any) -> str:
    """The number to call: the record's own, else of its contact, else of its company."""
    owners: list[Any] = [record, getattr(record, "contact", None), getattr(record, "company", None)]
    for owner in owners:
        number = getattr(owner, "phone", None)
        if number:
            return str(number)
    return ""
