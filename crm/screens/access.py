"""Finding the record a request is about, and asking whether its reader may also change it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import Http404

from accounts.models import Role, User
from crm.models import StagedRecord, record_model
from crm.querysets import Action
from crm.screens import registry
from crm.visibility import refusal, tells_actions_apart, visible_record

ACTIONS: tuple[Action, ...] = ("comment", "move", "score", "change")


def find(record_type: str, pk: int, user: User) -> Any:
    """The record if the person may see it, with what its card shows; anything else is 404 (ACC-1)."""
    screen = registry.of(record_type)
    rows = screen.model._default_manager.visible_to(user)  # type: ignore[attr-defined]
    related = {*screen.related, *screen.card_related, "responsible", "created_by"}
    known: Any = screen.model._default_manager
    wanted = ACTIONS if tells_actions_apart(user) else ("change",)
    reach = {
        f"may_{action}": Exists(known.visible_to(user, action).filter(pk=OuterRef("pk")).order_by())
        for action in wanted
    }
    found = rows.alive().filter(pk=pk).select_related(*related).annotate(**reach)
    if screen.column("tags") is not None:
        # Most records have none: whether there are any comes with the row, which saves their cards a query.
        options: Any = screen.model._meta
        tagged = options.get_field("tags")
        key = f"{tagged.m2m_field_name()}_id"
        rows_of = tagged.remote_field.through._default_manager.filter(**{key: OuterRef("pk")})
        found = found.annotate(has_tags=Exists(rows_of))
    record = found.first()
    if record is None:
        raise Http404
    record.reader_id = user.pk
    return record


def find_or_merged(record_type: str, pk: int, user: User) -> tuple[Any, Any]:
    """The record of a card and None, or None and the main record that this one was merged into (OBJ-4)."""
    try:
        return find(record_type, pk, user), None
    except Http404:
        main = merged_target(record_type, pk, user)
        if main is None:
            raise
        return None, main


def find_to_change(record_type: str, pk: int, user: User, action: Action = "change") -> Any:
    """The record if the person may change (comment, move) it; 404 when it is out of sight, else 403 with the reason."""
    record = find(record_type, pk, user)
    if not may(action, record, user):
        raise PermissionDenied(refusal(record, user))
    return record


def may_change(record: StagedRecord, user: User) -> bool:
    """May the person change this record?"""
    return may("change", record, user)


def may(action: Action, record: StagedRecord, user: User) -> bool:
    """May the person do that with the record? Already known of a record that `find` brought for them."""
    if getattr(record, "reader_id", None) == user.pk:
        return bool(getattr(record, f"may_{action if tells_actions_apart(user) else 'change'}"))
    return record.pk in within_reach(action, type(record), [record.pk], user)


def mark_reach(model: type[StagedRecord], rows: Iterable[Any], user: User) -> None:
    """Note on each row of a page what the reader may do with it: `may_change` its fields, `may_move` it."""
    page = list(rows)
    may_change = within_reach("change", model, [row.pk for row in page], user)
    apart = tells_actions_apart(user)
    may_move = within_reach("move", model, [row.pk for row in page], user) if apart else may_change
    for row in page:
        row.may_change, row.may_move = row.pk in may_change, row.pk in may_move


def changeable(model: type[StagedRecord], ids: Iterable[int], user: User) -> set[int]:
    """Those of the ids that the person may change."""
    return within_reach("change", model, ids, user)


def within_reach(action: Action, model: type[StagedRecord], ids: Iterable[int], user: User) -> set[int]:
    """Those of the ids with which the person may do that; no query for heads, who may do all."""
    wanted = list(ids)
    if not wanted or user.is_head:
        return set(wanted)
    rows = model._default_manager.visible_to(user, action)  # type: ignore[attr-defined]
    return set(rows.filter(pk__in=wanted).values_list("pk", flat=True))


def tie(record: Any, name: str, user: User) -> Any:
    """A contact, company or object of a visible lead or deal, if the person may see it too.

    Whoever sees a lead or a deal sees what hangs on it (crm.visibility), except the call centre.
    """
    if user.role == Role.CALL_CENTER:
        return visible_record(name, getattr(record, f"{name}_id"), user) if getattr(record, f"{name}_id") else None
    return getattr(record, name)


def merged_target(record_type: str, pk: int, user: User) -> Any:
    """The main record into which this one was merged, where an old address must lead (OBJ-4)."""
    rows = record_model(record_type)._default_manager.filter(pk=pk, merged_into__isnull=False)
    main_id = rows.values_list("merged_into_id", flat=True).first()
    if main_id is None:
        return None
    return record_model(record_type)._default_manager.visible_to(user).filter(pk=main_id).first()
