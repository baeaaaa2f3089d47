"""A small typed language of conditions over a record: AND, OR, NOT of comparisons and of predicates named by apps.

{"all": [{"field": "area", "op": "gt", "value": 500}, {"any": [{"is": "far_start"}, {"not": {...}}]}]}
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.errors import InvalidInput
from crm.models import StagedRecord, record_model
from crm.requirements import is_filled

Predicate = Callable[[Any], bool]
PREDICATES: dict[str, dict[str, tuple[Any, Predicate]]] = {}
# Columns of a row that a record points to, by which conditions may ask: "responsible__position".
PATHS: dict[str, dict[str, Any]] = {}
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda found, wanted: found == wanted,
    "ne": lambda found, wanted: found != wanted,
    "in": lambda found, wanted: found in wanted,
    "gt": lambda found, wanted: found is not None and found > wanted,
    "gte": lambda found, wanted: found is not None and found >= wanted,
    "lt": lambda found, wanted: found is not None and found < wanted,
    "lte": lambda found, wanted: found is not None and found <= wanted,
    "empty": lambda found, _wanted: not is_filled(found),
    "filled": lambda found, _wanted: is_filled(found),
}
MAX_DEPTH = 5
# Columns that belong to the product itself.
NOT_ASKED = frozenset(
    {"id", "pipeline", "stage", "partner", "origin", "created_by", "mother", "copy_set", "merged_into"}
)


def predicate(record_type: str, name: str, label: Any, function: Predicate) -> None:
    """Register a condition that needs more than one column; called from AppConfig.ready."""
    PREDICATES.setdefault(record_type, {})[name] = (label, function)


def path(record_type: str, name: str, label: Any) -> None:
    """Let conditions ask for a column of a related row ("responsible__position"); called from AppConfig.ready."""
    PATHS.setdefault(record_type, {})[name] = label


def check(tree: Mapping[str, Any], record_type: str, *, fields: Collection[str] | None = None) -> None:
    """Refuse a tree that could not be evaluated, in a sentence; an empty tree holds always.

    With `fields` only comparisons of those are accepted, and no predicates: then the tree can be asked of the
    database as well (as_q).
    """
    _check(tree, record_type, depth=0)
    if fields is None:
        return
    for leaf in leaves(tree):
        if leaf.get("field") not in fields:
            raise _refused(_("There is no condition «%(name)s».") % {"name": leaf.get("field") or leaf.get("is")})


def check_rows(tree: Mapping[str, Any], record_type: str) -> None:
    """A condition of a tree that was checked names only rows (people, purposes, sources) that there are."""
    for leaf in leaves(tree):
        field = None if "is" in leaf or "__" in str(leaf["field"]) else _field(record_type, str(leaf["field"]))
        if not isinstance(field, models.ForeignKey) or leaf.get("value") is None:
            continue
        rows = field.related_model._default_manager
        for value in leaf["value"] if isinstance(leaf["value"], list) else [leaf["value"]]:
            if len(str(value)) > 40 or not rows.filter(pk=value).exists():
                raise _refused(_("There is no such row: «%(value)s».") % {"value": str(value)[:60]})


def leaves(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The comparisons and predicates of a tree that was checked."""
    for word in ("all", "any"):
        if word in tree:
            for branch in tree[word]:
                yield from leaves(branch)
            return
    if "not" in tree:
        yield from leaves(tree["not"])
    elif tree:
        yield tree


def matches(tree: Mapping[str, Any], record: StagedRecord) -> bool:
    """Tell whether the conditions hold for a record."""
    if not tree:
        return True
    if "all" in tree:
        return all(matches(branch, record) for branch in tree["all"])
    if "any" in tree:
        return any(matches(branch, record) for branch in tree["any"])
    if "not" in tree:
        return not matches(tree["not"], record)
    if "is" in tree:
        return PREDICATES[record.RECORD_TYPE][tree["is"]][1](record)
    field = _field(record.RECORD_TYPE, str(tree["field"]))
    found = _value(record, str(tree["field"]))
    return OPERATORS[str(tree["op"])](found, _wanted(field, str(tree["op"]), tree.get("value")))


def _value(record: Any, name: str) -> Any:
    """What a record holds under a name; of a row it does not point to nothing."""
    relation, _double, last = name.rpartition("__")
    row = getattr(record, relation) if relation else record
    return None if row is None else getattr(row, row._meta.get_field(last).attname)


def as_q(tree: Mapping[str, Any], record_type: str) -> Q:
    """The same question for the database; a tree with predicates cannot be asked so (ValueError)."""
    if not tree:
        return Q()
    for word, join in (("all", Q.AND), ("any", Q.OR)):
        if word in tree:
            found = Q()
            for branch in tree[word]:
                # An empty branch holds always, and an empty Q would vanish out of the sum.
                found.add(as_q(branch, record_type) or Q(pk__isnull=False), join)
            return found
    if "not" in tree:
        return ~(as_q(tree["not"], record_type) or Q(pk__isnull=False))
    if "is" in tree:
        raise ValueError(f"The predicate {tree['is']!r} is not for the database.")
    return _leaf_q(tree, record_type)


def _leaf_q(tree: Mapping[str, Any], record_type: str) -> Q:
    name, operator = str(tree["field"]), str(tree["op"])
    field = _field(record_type, name)
    wanted = _wanted(field, operator, tree.get("value"))
    if operator in {"empty", "filled"}:
        blank = Q(**{f"{name}__isnull": True})
        if isinstance(field, models.CharField | models.TextField):
            blank |= Q(**{name: ""})
        return blank if operator == "empty" else ~blank
    if operator in {"eq", "ne"}:
        same = Q(**{f"{name}__isnull": True}) if wanted is None else Q(**{name: wanted})
        return same if operator == "eq" else ~same
    return Q(**{f"{name}__{operator}": wanted})


@dataclass(frozen=True)
class Explained:
    """One part of a condition for a record: in words, whether it holds, and what the record has instead."""

    text: str
    holds: bool
    found: str = ""


def explain(tree: Mapping[str, Any], record: StagedRecord) -> list[Explained]:
    """Why a condition holds for a record or not, part by part; the parts of an "all" are told one by one."""
    if not tree:
        return []
    if "all" in tree:
        return [line for branch in tree["all"] for line in explain(branch, record)]
    found = ""
    if "field" in tree:
        name = str(tree["field"])
        found = shown(_field(record.RECORD_TYPE, name), _value(record, name)) or _("empty")
    return [Explained(describe(tree, record.RECORD_TYPE), matches(tree, record), found)]


def shown(field: Any, value: Any) -> str:
    """A value of a column as people read it: the name of the row it points to, the label of a choice."""
    if isinstance(value, list):
        return _(" or ").join(shown(field, item) for item in value)
    if value is None or value == "":
        return ""
    try:
        typed = _target(field).to_python(value)
    except ValidationError:
        return str(value)
    if isinstance(field, models.ForeignKey):
        return str(field.related_model._default_manager.filter(pk=typed).first() or value)
    if field.choices:
        return str(dict(field.flatchoices).get(typed, typed))
    if isinstance(field, models.DecimalField):
        return f"{typed.normalize():f}"
    return str(typed)


def describe(tree: Mapping[str, Any], record_type: str) -> str:
    """The conditions in words, for the settings page."""
    if not tree:
        return _("always")
    for word, joint in (("all", _("and")), ("any", _("or"))):
        if word in tree:
            parts = [describe(branch, record_type) for branch in tree[word]]
            is_deep = [bool({"all", "any"} & branch.keys()) for branch in tree[word]]
            return f" {joint} ".join(f"({text})" if deep else text for text, deep in zip(parts, is_deep, strict=True))
    if "not" in tree:
        return _("not (%(condition)s)") % {"condition": describe(tree["not"], record_type)}
    if "is" in tree:
        return str(PREDICATES[record_type][tree["is"]][0])
    signs = {"eq": " =", "ne": " ≠", "gt": " >", "gte": " ≥", "lt": " <", "lte": " ≤", "in": ":"}
    field = _field(record_type, tree["field"])
    name = label(record_type, tree["field"])
    if tree["op"] in signs:
        return f"{name}{signs[tree['op']]} {shown(field, tree.get('value'))}"
    return f"{name}: {_('empty') if tree['op'] == 'empty' else _('filled in')}"


def column(record_type: str, name: str) -> Any:
    """The column that conditions mean by a name; FieldDoesNotExist when there is none."""
    return _field(record_type, name)


def label(record_type: str, name: str) -> str:
    """What the column is called."""
    return str(PATHS.get(record_type, {}).get(name) or _field(record_type, name).verbose_name)


def columns(record_type: str) -> list[tuple[str, str]]:
    """The columns that people fill in, with their names, by name: what conditions, robots and watchers may ask for."""
    found = [
        (field.name, str(field.verbose_name))
        for field in record_model(record_type)._meta.concrete_fields
        if field.editable and field.name not in NOT_ASKED and not isinstance(field, models.JSONField)
    ]
    return sorted(((name, text[:1].upper() + text[1:]) for name, text in found), key=lambda row: row[1].casefold())


def _check(tree: Any, record_type: str, depth: int) -> None:
    if not isinstance(tree, Mapping):
        raise _refused(_("A condition must be an object."))
    if depth > MAX_DEPTH:
        raise _refused(_("Conditions are nested too deeply."))
    if not tree:
        return
    for word in ("all", "any"):
        if word in tree:
            if not isinstance(tree[word], list) or not tree[word]:
                raise _refused(_("«%(word)s» needs a list of conditions.") % {"word": word})
            for branch in tree[word]:
                _check(branch, record_type, depth + 1)
            return
    if "not" in tree:
        _check(tree["not"], record_type, depth + 1)
        return
    _check_leaf(tree, record_type)


def _check_leaf(tree: Mapping[str, Any], record_type: str) -> None:
    if "is" in tree:
        if tree["is"] not in PREDICATES.get(record_type, {}):
            raise _refused(_("There is no condition «%(name)s».") % {"name": tree["is"]})
        return
    name, operator = str(tree.get("field", "")), str(tree.get("op", ""))
    if operator not in OPERATORS:
        raise _refused(_("There is no comparison «%(name)s».") % {"name": operator})
    try:
        _wanted(_field(record_type, name), operator, tree.get("value"))
    except (FieldDoesNotExist, ValidationError) as error:
        raise _refused(_("The condition on «%(field)s» cannot be read.") % {"field": name}) from error


def _field(record_type: str, name: str) -> Any:
    relation, _double, last = name.rpartition("__")
    model: Any = record_model(record_type)
    if relation:
        if name not in PATHS.get(record_type, {}):
            raise FieldDoesNotExist(name)
        model = model._meta.get_field(relation).related_model
    field = model._meta.get_field(last)
    if not isinstance(field, models.Field) or field.many_to_many:
        raise FieldDoesNotExist(name)
    return field


def _target(field: Any) -> Any:
    return field.target_field if isinstance(field, models.ForeignKey) else field


def _wanted(field: Any, operator: str, value: Any) -> Any:
    """The value to compare with, in the field's own type."""
    if operator in {"empty", "filled"}:
        return None
    target = _target(field)
    if operator == "in":
        if not isinstance(value, list):
            raise ValidationError("in")
        return [target.to_python(item) for item in value]
    return target.to_python(value)


def _refused(text: str) -> InvalidInput:
    return InvalidInput.at("conditions", text)
