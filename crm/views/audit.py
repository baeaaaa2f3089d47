"""The audit trail: who changed what and when; nobody edits or deletes it (ACC-5)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import django_filters as filters
from django.apps import apps
from django.db import models
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.models import User
from crm.filters import DayFromFilter, DayToFilter, KeyFilter
from crm.http import paginate
from crm.models import RECORD_MODELS, ActorKind, Change, RecordType, record_model
from crm.preferences import SETTINGS
from crm.requirements import REQUIREMENTS
from crm.screens import dialogs
from crm.screens.list_files import FileColumn, file_asked, filter_told, list_file
from crm.settings_audit import DEEDS, KINDS, MODELS
from crm.templatetags.ui import day, moment, number
from crm.views.settings_nav import settings_context, settings_page


def _kinds() -> list[tuple[str, Any]]:
    return [*RecordType.choices, *KINDS.items()]


class ChangeFilter(filters.FilterSet):
    """What the audit trail can be cut by."""

    record_type = filters.ChoiceFilter(choices=_kinds, label=_("Of what"))
    record_id = KeyFilter(label=_("Number"))
    actor_user = filters.ModelChoiceFilter(queryset=User.objects.all(), label=_("Who"))
    actor_kind = filters.ChoiceFilter(choices=ActorKind.choices, label=_("By what"))
    field = filters.CharFilter(lookup_expr="iexact", label=_("Field"))
    at_from = DayFromFilter(field_name="at", label=_("From the day"))
    at_to = DayToFilter(field_name="at", label=_("To the day"))

    class Meta:
        model = Change
        fields: tuple[str, ...] = ()


AUDIT_FILE = (
    FileColumn(_("When"), lambda line: line["row"].at, "moment"),
    FileColumn(_("Who"), lambda line: line["who"]),
    FileColumn(_("By what"), lambda line: line["by"]),
    FileColumn(_("Of what"), lambda line: line["kind"]),
    FileColumn(_("Name"), lambda line: str(line["record"] or line["of"])),
    FileColumn(_("Number"), lambda line: line["row"].record_id or None, "number"),
    FileColumn(_("Field"), lambda line: line["label"]),
    FileColumn(_("Was"), lambda line: line["old"]),
    FileColumn(_("It is now"), lambda line: line["new"]),
)


@settings_page
@require_safe
def settings_audit(request: HttpRequest) -> HttpResponseBase:
    """All changes, the latest first."""
    found = ChangeFilter(request.GET, Change.objects.select_related("actor_user").order_by("-at", "-id"))
    if file_asked(request):
        about = filter_told(request, found)
        return list_file(
            request, "audit", AUDIT_FILE, found.qs, about=about, shown=partial(lines_of, user=request.user)
        )
    page = paginate(request, found.qs)
    context = {
        **settings_context(request, "settings-audit"),
        "filter": found,
        "page": page,
        "lines": lines_of(page, request.user),
    }
    template = "crm/settings/audit.html#rows" if dialogs.is_partial(request) else "crm/settings/audit.html"
    return render(request, template, context)


def lines_of(rows: Iterable[Change], user: Any) -> list[dict[str, Any]]:
    """Changes as people read them: {row, kind, of, label, old, new, who, by, record}."""
    lines = [_line(row) for row in rows]
    _name_records(lines, user)
    _name_values(lines)
    _name_spend(lines)
    return lines


def _name_spend(lines: list[dict[str, Any]]) -> None:
    """Spend is named by its source in the reader's language; earlier lines kept the code alone."""
    keys = {line["row"].record_id for line in lines if line["row"].record_type == "spend"}
    if not keys:
        return
    found = apps.get_model(MODELS["spend"])._default_manager.filter(pk__in=keys).select_related("source")
    names = {row.pk: str(row) for row in found}
    for line in lines:
        if line["row"].record_type == "spend":
            line["of"] = names.get(line["row"].record_id, line["of"])


def _line(row: Change) -> dict[str, Any]:
    kinds = dict(_kinds())
    column = _column(row)
    label = _label(row, column)
    return {
        "row": row,
        "kind": kinds.get(row.record_type, row.record_type),
        "of": next((side["of"] for side in (row.new, row.old) if isinstance(side, dict) and "of" in side), ""),
        "label": label[:1].upper() + label[1:],
        "old": _shown(row, column, row.old),
        "new": _shown(row, column, row.new),
        "who": str(row.actor_user or row.actor_name or row.get_actor_kind_display()),
        "by": row.get_actor_kind_display(),
        "record": None,
    }


def _column(row: Change) -> Any:
    """The column that a line is about, if it is about one."""
    if row.record_type in RECORD_MODELS:
        model: Any = record_model(row.record_type)
    elif row.record_type in MODELS:
        model = apps.get_model(MODELS[row.record_type])
    else:
        return None
    return next((field for field in model._meta.concrete_fields if field.name == row.field), None)


def _label(row: Change, column: Any) -> str:
    """What changed, as the card or the page of the setting calls it."""
    if row.field in DEEDS and (column is None or row.field == "deleted_at"):
        return str(DEEDS[row.field])
    if row.record_type == "preference" and row.field in SETTINGS:
        return str(SETTINGS[row.field].label)
    return str(column.verbose_name) if column is not None else row.field


def _shown(row: Change, column: Any, value: Any) -> str:
    """A value as people write it; the trail keeps it as JSON."""
    if isinstance(value, dict) and "of" in value:
        value = value.get("value")
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        names = _requirement_names(row)
        return ", ".join(str(names.get(item, item)) for item in value)
    if column is not None and column.choices:
        return str(dict(column.flatchoices).get(value, value))
    return _written(column, str(value))[:500]


def _written(column: Any, text: str) -> str:
    """Dates and amounts as everywhere else."""
    if isinstance(column, models.DateTimeField):
        return moment(parse_datetime(text)) or text
    if isinstance(column, models.DateField):
        return day(parse_date(text)) or text
    return number(text) or text if isinstance(column, models.DecimalField) else text


def _requirement_names(row: Change) -> dict[Any, Any]:
    """Codes of requirements by name: a stage's are those of its pipeline's kind of record."""
    kinds = [row.record_type] if row.record_type in REQUIREMENTS else list(REQUIREMENTS)
    return {code: needed.label for kind in kinds for code, needed in REQUIREMENTS[kind].items()}


def _name_records(lines: list[dict[str, Any]], user: Any) -> None:
    """Put the records of the page beside their lines: one query per kind."""
    wanted: dict[str, set[int]] = {}
    for line in lines:
        if line["row"].record_type in RECORD_MODELS:
            wanted.setdefault(line["row"].record_type, set()).add(line["row"].record_id)
    found: dict[tuple[str, int], Any] = {}
    for record_type, ids in wanted.items():
        rows: Any = record_model(record_type)._default_manager
        for record in rows.visible_to(user).filter(pk__in=ids).defer("search_text"):
            found[record_type, record.pk] = record
    for line in lines:
        line["record"] = found.get((line["row"].record_type, line["row"].record_id))


def _name_values(lines: list[dict[str, Any]]) -> None:
    """Write names where a change holds the key of another row: one query per kind of row."""
    wanted: dict[Any, set[Any]] = {}
    places = []
    for line in lines:
        target = _target(line["row"])
        for side in ("old", "new"):
            raw = getattr(line["row"], side)
            key = raw.get("value") if isinstance(raw, dict) else raw
            if target is not None and key not in (None, ""):
                wanted.setdefault(target, set()).add(key)
                places.append((line, side, target, key))
    names = {
        target: {str(row.pk): str(row) for row in target._default_manager.filter(pk__in=keys)}
        for target, keys in wanted.items()
    }
    for line, side, target, key in places:
        line[side] = names[target].get(str(key), line[side])


def _target(row: Change) -> Any:
    """The model whose key the changed field holds."""
    column = _column(row)
    return column.related_model if column is not None and column.is_relation else None
