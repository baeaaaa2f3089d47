"""Settings as one JSON file: written out, compared with what is here, taken in, and single changes taken back.

Each app says which of its tables are settings (`section`). Rows are told apart by what they are called, not by numbers,
so that a file of one installation fits another. Rows that a file does not name are left as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from crm import clock, pipelines, preferences
from crm.errors import InvalidInput
from crm.settings_audit import KINDS, MODELS, require_head, save_audited
from crm.settings_services import calendar_changed, preferences_set

FORMAT = 1
PREFERENCES = "preferences"
# How a row of another table is named where its key is a number.
NAMES = {"accounts.User": "email", "accounts.Team": "name", "accounts.Partner": "name"}
Save = Callable[[Any, dict[str, Any], Any], Any]


@dataclass(frozen=True)
class Section:
    """A table of settings: `key` names its rows, `fixed` columns are set at birth only, `skipped` never leave."""

    kind: str
    key: tuple[str, ...]
    save: Save
    fixed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def model(self) -> Any:
        return apps.get_model(MODELS[self.kind])

    @property
    def columns(self) -> list[Any]:
        """What is carried: every column but numbers made by the database, and those that stay at home."""
        return [
            column
            for column in self.model._meta.concrete_fields
            if not isinstance(column, models.AutoField | models.DateTimeField) and column.name not in self.skipped
        ]


SECTIONS: dict[str, Section] = {}


def section(
    kind: str, *key: str, save: Save | None = None, fixed: tuple[str, ...] = (), skipped: tuple[str, ...] = ()
) -> None:
    """Declare a table of settings, in the order in which they must be taken in."""

    def plain(row: Any, data: dict[str, Any], by: Any) -> None:
        require_head(by)
        save_audited(kind, row, data, by=by)

    SECTIONS[kind] = Section(kind, key, save or plain, fixed, skipped)


# -- writing out ------------------------------------------------------------------------------------------------------


def dump() -> dict[str, Any]:
    """All settings, ready for JSON; the same settings always give the same."""
    found: dict[str, Any] = {"format": FORMAT, PREFERENCES: _preferences()}
    for one in SECTIONS.values():
        rows = [_written(one, row) for row in _rows(one)]
        found[one.kind] = sorted(rows, key=lambda row: [str(row[name]) for name in one.key])
    return found


def _rows(one: Section) -> list[Any]:
    related = [column.name for column in one.columns if column.is_relation and _named_by(column)]
    return list(one.model._default_manager.select_related(*related).order_by("pk"))


def _named_by(column: Any) -> str:
    return NAMES.get(column.related_model._meta.label, "")


def _written(one: Section, row: Any) -> dict[str, Any]:
    return {column.name: written_value(column, row) for column in one.columns}


def written_value(column: Any, row: Any) -> Any:
    """A column's value as the file holds it: decimals as text, other rows by their code or name."""
    if column.is_relation:
        name = _named_by(column)
        target = getattr(row, column.name) if name else None
        return getattr(target, name, None) if name else getattr(row, column.attname)
    value = getattr(row, column.attname)
    if isinstance(value, date):
        return value.isoformat()
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def _preferences() -> dict[str, Any]:
    found = {}
    for key, setting in preferences.SETTINGS.items():
        if setting.is_guarded:
            continue
        if setting.kind == "user":
            found[key] = User.objects.filter(pk=preferences.get(key)).values_list("email", flat=True).first() or ""
        elif setting.kind != "hidden":
            found[key] = preferences.get(key)
    return found


# -- comparing --------------------------------------------------------------------------------------------------------


@dataclass
class Difference:
    """One row of a file that is not what is here: `fields` are (name, label, old, new), `problem` why it cannot be."""

    kind: str
    title: str
    row: Any = None
    is_new: bool = False
    data: dict[str, Any] = field(default_factory=dict)
    fields: list[tuple[str, str, Any, Any]] = field(default_factory=list)
    problem: str = ""

    @property
    def label(self) -> str:
        return str(KINDS[self.kind])


def compare(given: Any) -> list[Difference]:
    """What taking the file in would change; InvalidInput when it is no such file."""
    if not isinstance(given, Mapping) or given.get("format") != FORMAT:
        raise _wrong(_("This is no file of settings of this product."))
    if unknown := sorted(set(given) - {"format", PREFERENCES, *SECTIONS}):
        raise _wrong(_("The file holds settings that are not known here: %(names)s.") % {"names": ", ".join(unknown)})
    found = list(_compare_preferences(given.get(PREFERENCES, {})))
    for one in SECTIONS.values():
        found += _compare_rows(one, given.get(one.kind, []))
    return found


def _wrong(message: str) -> InvalidInput:
    return InvalidInput.at("file", message)


def _compare_preferences(given: Any) -> Iterator[Difference]:
    if not isinstance(given, Mapping):
        raise _wrong(_("«%(name)s» is not what it should be.") % {"name": PREFERENCES})
    here = _preferences()
    for key, value in given.items():
        if key not in here:
            raise _wrong(_("The file holds settings that are not known here: %(names)s.") % {"names": str(key)[:60]})
        if value == here[key]:
            continue
        setting = preferences.SETTINGS[key]
        change = Difference("preference", str(setting.label), row=key, fields=[(key, "", here[key], value)])
        kept = value
        if setting.kind == "user" and value:
            kept = User.objects.filter(email=str(value).lower(), is_active=True).values_list("pk", flat=True).first()
            change.problem = "" if kept else _("There is no such person here.")
        change.data = {key: kept}
        yield change


def _compare_rows(one: Section, given: Any) -> list[Difference]:
    if not isinstance(given, list) or not all(isinstance(item, Mapping) for item in given):
        raise _wrong(_("«%(name)s» is not what it should be.") % {"name": one.kind})
    # Rows with the same name are told apart by their order.
    here, seen = {}, Counter[Any]()
    for row in _rows(one):
        name = tuple(str(written_value(one.model._meta.get_field(part), row)) for part in one.key)
        here[name, seen[name]] = row
        seen[name] += 1
    seen = Counter()
    found = []
    for item in given:
        name = tuple(str(item.get(part)) for part in one.key)
        change = _compare_row(one, here.get((name, seen[name])), item)
        seen[name] += 1
        if change.is_new or change.fields or change.problem:
            found.append(change)
    return found


def _compare_row(one: Section, row: Any, item: Mapping[str, Any]) -> Difference:
    title = ", ".join(str(item.get(name) or "") for name in ("name_ru", "name") if item.get(name)) or " · ".join(
        str(item[name]) for name in one.key if item.get(name)
    )
    change = Difference(one.kind, title[:200], row=row, is_new=row is None)
    columns = {column.name: column for column in one.columns}
    if unknown := sorted(item.keys() - columns.keys()):
        raise _wrong(_("The file holds settings that are not known here: %(names)s.") % {"names": ", ".join(unknown)})
    for name, value in item.items():
        column = columns[name]
        old = None if row is None else written_value(column, row)
        if row is not None and (value == old or name in one.key):
            continue
        if row is not None and name in one.fixed:
            change.problem = _("«%(field)s» cannot be changed.") % {"field": column.verbose_name}
        try:
            change.data[name] = _read(column, value)
        except ValidationError as error:
            change.problem = " ".join(error.messages)
        change.fields.append((name, str(column.verbose_name), old, value))
    return change


def _read(column: Any, value: Any) -> Any:
    """A value of the file as the column takes it; ValidationError names what is wrong."""
    if column.is_relation:
        if value is None:
            return None
        name = _named_by(column) or "pk"
        target = column.related_model._default_manager.filter(**{name: str(value)[:250]}).first()
        # A row that comes earlier in the same file may not be here yet: whoever saves it looks again.
        return target or (Later(column.related_model, str(value)) if name == "pk" else _missing(value))
    if isinstance(column, models.JSONField):
        shape = column.default() if callable(column.default) else None
        if shape is not None and not isinstance(value, type(shape)):
            raise ValidationError(_("«%(name)s» is not what it should be.") % {"name": column.verbose_name})
        return value
    if isinstance(value, list | dict):
        raise ValidationError(_("«%(name)s» is not what it should be.") % {"name": column.verbose_name})
    return "" if value is None and not column.null else column.to_python(value)


def _missing(value: Any) -> Any:
    raise ValidationError(_("There is nothing called «%(name)s» here.") % {"name": str(value)[:60]})


@dataclass(frozen=True)
class Later:
    """A row that the same file makes."""

    model: Any
    key: str

    def find(self) -> Any:
        return self.model._default_manager.filter(pk=self.key).first() or _missing(self.key)


# -- taking in --------------------------------------------------------------------------------------------------------


@transaction.atomic
def take_in(given: Any, *, by: Any) -> list[Difference]:
    """Bring the settings to what the file says, each change audited; all or nothing. Answers what was changed."""
    found = compare(given)
    errors = [
        {"pointer": f"/{change.kind}", "code": "invalid", "message": f"{change.title}: {change.problem}"}
        for change in found
        if change.problem
    ]
    if errors:
        raise InvalidInput(" ".join(str(error["message"]) for error in errors[:5]), errors=errors)
    given_settings = [change for change in found if change.kind == "preference"]
    for change in given_settings:
        _take(change, by)
    # A setting may take others along (the minimum of a lead what its stage requires): the file's word on those holds.
    rest = compare(given) if given_settings else found
    for change in rest:
        _take(change, by)
    pipelines.changed()
    if any(change.kind == "calendar" for change in found):
        calendar_changed(by)
    return found


def _take(change: Difference, by: Any) -> None:
    try:
        if change.kind == "preference":
            preferences_set(change.data, by=by)
            return
        one = SECTIONS[change.kind]
        row = change.row if change.row is not None else one.model()
        data = {name: value.find() if isinstance(value, Later) else value for name, value in change.data.items()}
        one.save(row, data, by)
    except ValidationError as error:
        raise _wrong(f"{change.title}: {' '.join(error.messages)}") from error
    except InvalidInput as error:
        raise InvalidInput(f"{change.title}: {error.message}", errors=error.errors) from error


def file_name() -> str:
    """What a file of settings is called."""
    return f"settings-{clock.today():%Y-%m-%d}.json"


def label_of(kind: str, name: str) -> str:
    """A column as people call it."""
    try:
        return str(SECTIONS[kind].model._meta.get_field(name).verbose_name)
    except (KeyError, FieldDoesNotExist):
        return name
