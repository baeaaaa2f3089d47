"""A small typed language of conditions over a record: AND, OR, NOT of comparisons and of predicates named by apps.

{"all": [{"field": "area", "op": "gt", "value": 500}, {"any": [{"is": "far_start"}, {"not": {...}}]}]}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.utils.translation import gettext as _

from crm.errors import InvalidInput
from crm.models import StagedRecord, record_model
from crm.requirements import is_filled

Predicate = Callable[[Any], bool]
PREDICATES: dict[str, dict[str, tuple[Any, Predicate]]] = {}
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


def predicate(record_type: str, name: str, label: Any, function: Predicate) -> None:
    """Register a condition that needs more than one column; called from AppConfig.ready."""
    PREDICATES.setdefault(record_type, {})[name] = (label, function)


def check(tree: Mapping[str, Any], record_type: str) -> None:
    """Refuse a tree that could not be evaluated, in a sentence; an empty tree holds always."""
    _check(tree, record_type, depth=0)


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
    found = getattr(record, field.attname)
    return OPERATORS[str(tree["op"])](found, _wanted(field, str(tree["op"]), tree.get("value")))


def describe(tree: Mapping[str, Any], record_type: str) -> str:
    """The conditions in words, for the settings page."""
    if not tree:
        return _("always")
    for word, joint in (("all", _("and")), ("any", _("or"))):
        if word in tree:
            return f" {joint} ".join(f"({describe(branch, record_type)})" for branch in tree[word])
    if "not" in tree:
        return _("not (%(condition)s)") % {"condition": describe(tree["not"], record_type)}
    if "is" in tree:
        return str(PREDICATES[record_type][tree["is"]][0])
    signs = {"eq": "=", "ne": "≠", "gt": ">", "gte": "≥", "lt": "<", "lte": "≤", "in": "∈"}
    label = str(_field(record_type, tree["field"]).verbose_name)
    if tree["op"] in signs:
        return f"{label} {signs[tree['op']]} {tree.get('value')}"
    return f"{label}: {_('empty') if tree['op'] == 'empty' else _('filled in')}"


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
    field = record_model(record_type)._meta.get_field(name)
    if not isinstance(field, models.Field) or field.many_to_many:
        raise FieldDoesNotExist(name)
    return field


def _wanted(field: Any, operator: str, value: Any) -> Any:
    """The value to compare with, in the field's own type."""
    if operator in {"empty", "filled"}:
        return None
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    if operator == "in":
        if not isinstance(value, list):
            raise ValidationError("in")
        return [target.to_python(item) for item in value]
    return target.to_python(value)


def _refused(text: str) -> InvalidInput:
    return InvalidInput(text, errors=[{"pointer": "/conditions", "code": "invalid", "message": text}])
