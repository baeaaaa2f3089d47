"""The one timeline of a record: entries are action codes with data, sentences come from a registry (ACT-2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from crm import clock, rows
from crm.actors import Actor
from crm.models import StagedRecord, TimelineEntry, record_model

Formatter = Callable[[Mapping[str, Any]], str]
# A person's name ends with the dot of an initial, and so does the sentence that it stands last in.
DOT_AFTER_INITIAL = re.compile(r"(?<=\b\w\.)\.(?=\s|$)")
FORMATTERS: dict[str, Formatter] = {}
KINDS: dict[str, str] = {}
# What is known by now of what lines of a kind tell of, by their ids: that a letter was opened since.
ADDED: dict[str, Callable[[Sequence[TimelineEntry]], Mapping[int, str]]] = {}
# Further lines that belong on a record's timeline though they hang on another one (PART-8); see shared().
SHARED: list[Callable[[StagedRecord], models.Q | None]] = []


def formatter(action: str, kind: str) -> Callable[[Formatter], Formatter]:
    """Register the sentence of an action code; `kind` is its filter: note, stage, field, task, message, file, robot."""

    def register(function: Formatter) -> Formatter:
        FORMATTERS[action] = function
        KINDS[action] = kind
        return function

    return register


def shared(function: Callable[[StagedRecord], models.Q | None]) -> None:
    """Register lines of other records that a record's timeline shows; called from AppConfig.ready."""
    if function not in SHARED:
        SHARED.append(function)


def record(
    obj: StagedRecord, action: str, by: Any, data: Mapping[str, Any] | None = None, *, internal: bool = False
) -> TimelineEntry:
    """Write one entry on a record's timeline, in the caller's transaction."""
    if action not in FORMATTERS:
        raise ValueError(f"No timeline formatter is registered for {action!r}.")
    return TimelineEntry.objects.create(
        record_type=obj.RECORD_TYPE,
        record_id=obj.pk,
        at=clock.now(),
        action=action,
        data=dict(data or {}),
        is_internal=internal,
        **Actor.of(by).as_columns(),
    )


def sentence(entry: TimelineEntry) -> str:
    """What happened, in the reader's language; plain text, to be escaped by the template."""
    data = {**entry.data, "changes": changed_fields(entry)} if entry.action == "fields" else entry.data
    text = FORMATTERS[entry.action](data)
    return text if entry.action == "note" else DOT_AFTER_INITIAL.sub("", text)


def added(entries: Iterable[TimelineEntry]) -> dict[int, str]:
    """What is known by now beside what lines say, by their ids; a query for each kind of line that has such."""
    found: dict[int, str] = {}
    rows = list(entries)
    for action, tell in ADDED.items():
        if mine := [entry for entry in rows if entry.action == action]:
            found |= tell(mine)
    return found


def entries_for(obj: StagedRecord, user: Any, *, kind: str = "") -> models.QuerySet[TimelineEntry]:
    """The timeline of a record that the user has been let in to: newest first, internal lines only for our own.

    The timeline of a deal goes on from its leads' (LEAD-10), a partner's record shows the shared lines of its origin.
    """
    from crm.visibility import readable_by

    found = models.Q(record_type=obj.RECORD_TYPE, record_id=obj.pk)
    for record_type, ids in getattr(obj, "timeline_ancestors", dict)().items():
        found |= models.Q(record_type=record_type, record_id__in=ids)
    for more in SHARED:
        if (lines := more(obj)) is not None:
            found |= lines
    entries = readable_by(TimelineEntry.objects.filter(found), user)
    if kind:
        entries = entries.filter(action__in=[code for code, of in KINDS.items() if of == kind])
    return entries.select_related("actor_user").order_by("-at", "-id")


def changed_fields(entry: TimelineEntry) -> list[dict[str, Any]]:
    """The fields that an entry tells of, and the values that have names, in the reader's language."""
    if entry.action != "fields":
        return []
    columns = {field.name: field for field in record_model(entry.record_type)._meta.concrete_fields}
    return [_in_readers_words(row, columns.get(row.get("field"))) for row in entry.data.get("changes", [])]


def code_of(field: Any, value: Any) -> Any:
    """What is kept of a value that each language calls otherwise: a choice's code, the key of a catalogue's row."""
    if isinstance(field, models.BooleanField) or field.choices or rows.is_shared(field):
        return value
    return None


def _in_readers_words(row: Mapping[str, Any], field: Any) -> dict[str, Any]:
    if field is None:
        return dict(row)  # a column that is there no more keeps the words of its time
    return {
        **row,
        "label": str(field.verbose_name),
        **{side: _word(field, row.get(f"{side}_code"), row[side]) for side in ("old", "new")},
    }


def _word(field: Any, code: Any, written: str) -> str:
    """A value in the reader's language; rows written before codes were kept stay as they were written."""
    if code is None:
        return written
    if isinstance(field, models.BooleanField):
        return _("yes") if code else _("no")
    if field.choices:
        return str(dict(field.flatchoices).get(code, written))
    return str(rows.catalogue(field.related_model).get(code, written))


def is_of_another(entry: TimelineEntry, obj: StagedRecord) -> bool:
    """Does a line that a record's timeline shows tell of a record of another kind, as of the lead before a deal?"""
    return bool(entry.record_type != obj.RECORD_TYPE)


# -- the kernel's own sentences ---------------------------------------------------------------------------------------


@formatter("created", "field")
def _created(data: Mapping[str, Any]) -> str:
    return _("Created.")


@formatter("note", "note")
def _note(data: Mapping[str, Any]) -> str:
    return str(data.get("text", ""))


@formatter("stage", "stage")
def _stage(data: Mapping[str, Any]) -> str:
    from crm import pipelines

    names = {}
    known = {side: pipelines.catalogue().stages.get(str(data.get(side))) for side in ("from", "to")}
    is_switch = all(known.values()) and known["from"].pipeline_id != known["to"].pipeline_id  # type: ignore[union-attr]
    for side, stage in known.items():
        name = stage.name if stage else str(data.get(side, ""))
        names[side] = f"{stage.pipeline.name}: {name}" if stage and is_switch else name
    text = _("Stage: «%(from)s» → «%(to)s».") % names
    for extra in (data.get("refusal"), data.get("reason")):
        if extra:
            text += f" {extra}"
    return text


@formatter("fields", "field")
def _fields(data: Mapping[str, Any]) -> str:
    parts = [
        _("%(label)s: %(old)s → %(new)s") % {"label": row["label"], "old": row["old"] or "—", "new": row["new"] or "—"}
        for row in data.get("changes", [])
    ]
    return "; ".join(parts)


@formatter("responsible", "field")
def _responsible(data: Mapping[str, Any]) -> str:
    text = _("Responsible: %(old)s → %(new)s.") % {
        "old": data.get("old") or "—",
        "new": data.get("new") or "—",
    }
    return f"{text} {data['reason']}" if data.get("reason") else text


@formatter("task_created", "task")
def _task_created(data: Mapping[str, Any]) -> str:
    return _("Task: %(title)s") % {"title": data.get("title", "")}


@formatter("task_done", "task")
def _task_done(data: Mapping[str, Any]) -> str:
    text = _("Done: %(title)s") % {"title": data.get("title", "")}
    return f"{text}. {data['result']}" if data.get("result") else text


@formatter("task_cancelled", "task")
def _task_cancelled(data: Mapping[str, Any]) -> str:
    text = _("Cancelled: %(title)s") % {"title": data.get("title", "")}
    return f"{text}. {data['why']}" if data.get("why") else text


@formatter("task_back", "task")
def _task_back(data: Mapping[str, Any]) -> str:
    return _("To be done again: %(title)s") % {"title": data.get("title", "")}


@formatter("file_added", "file")
def _file_added(data: Mapping[str, Any]) -> str:
    return _("File: %(name)s") % {"name": data.get("name", "")}


@formatter("merged", "field")
def _merged(data: Mapping[str, Any]) -> str:
    text = _("Merged with: %(names)s.") % {"names": ", ".join(data.get("names", []))}
    return "\n".join([text, *data.get("texts", [])])


@formatter("merge_undone", "field")
def _merge_undone(data: Mapping[str, Any]) -> str:
    return _("The merge was undone.")


@formatter("linked", "field")
def _linked(data: Mapping[str, Any]) -> str:
    return _("Linked: %(what)s.") % {"what": data.get("what", "")}


@formatter("rule_failed", "robot")
def _rule_failed(data: Mapping[str, Any]) -> str:
    return _("Rule «%(rule)s» failed: %(error)s") % {
        "rule": data.get("rule", ""),
        "error": data.get("error", ""),
    }


@formatter("robot_note", "robot")
def _robot_note(data: Mapping[str, Any]) -> str:
    return str(data.get("text", ""))
