"""Conditions as plain form fields: a field that is left empty does not matter, and all that are filled must hold.

What a form offers is a table of leaves: the name of its field, and the column and comparison that it stands for. Of a
leaf without a column the value lists the columns ("filled", "empty") or the predicates ("is") themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import RESPONSIBLE_ROLES
from crm import conditions
from crm.formfields import NumberField
from crm.places import regions

Leaves = Mapping[str, tuple[str, str]]
OF_LISTS = ("filled", "empty", "is")
YES, NO = "yes", "no"


def region_choices() -> list[tuple[str, str]]:
    """All regions of the country, sorted by what they are called without "Республика"."""
    names = sorted((region.name for region in regions()), key=lambda name: name.removeprefix("Республика ").casefold())
    return [(name, name) for name in names]


def people() -> Any:
    """Who may be responsible, of the company's own."""
    return User.objects.filter(is_active=True, partner__isnull=True, role__in=RESPONSIBLE_ROLES)


def position_choices() -> list[tuple[str, str]]:
    """The positions that people have."""
    rows = User.objects.filter(partner__isnull=True).exclude(position="").order_by("position")
    return [(name, name) for name in rows.values_list("position", flat=True).distinct()]


def with_stored(choices: Iterable[tuple[str, str]], stored: Iterable[str] | None) -> list[tuple[str, str]]:
    """The choices, and what a row holds that is none of them any more."""
    offered = list(choices)
    known = {code for code, _label in offered}
    return [*offered, *((value, value) for value in stored or [] if value not in known)]


def tree_of(values: Mapping[str, Any], leaves: Leaves, kept: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The conditions as the language of conditions has them, with those (`kept`) that no field of the form shows."""
    found: list[Any] = []
    for name, (column, operator) in leaves.items():
        value = values.get(name)
        is_list = operator in {"in", *OF_LISTS}
        if value is None or value == "" or (is_list and not len(value)):
            continue
        if operator == "is":
            found += [{"is": item} for item in value]
        elif operator in OF_LISTS:
            found += [{"field": item, "op": operator} for item in value]
        else:
            found.append({"field": column, "op": operator, "value": _plain(value, operator)})
    found += kept
    return {"all": found} if found else {}


def _plain(value: Any, operator: str) -> Any:
    if operator == "in":
        return [getattr(item, "pk", item) for item in value]
    return value == YES if operator == "eq" else str(value)


def as_fields(tree: Mapping[str, Any], leaves: Leaves) -> tuple[dict[str, Any], list[Mapping[str, Any]]]:
    """Conditions as values of the form, and those that the form has no field for (written through the API)."""
    values: dict[str, Any] = {}
    others: list[Mapping[str, Any]] = []
    names = {leaf: name for name, leaf in leaves.items()}
    for leaf in tree.get("all", [tree] if tree else []):
        operator = "is" if "is" in leaf else leaf.get("op", "")
        if operator in OF_LISTS and (listed := names.get(("", operator))):
            values.setdefault(listed, []).append(leaf.get("is") or leaf["field"])
            continue
        name = names.get((leaf.get("field", ""), operator))
        if name is None or name in values:
            others.append(leaf)
        else:
            values[name] = (YES if leaf["value"] else NO) if operator == "eq" else leaf["value"]
    return values, others


class ConditionsForm(forms.Form):
    """Conditions over the records of a kind: typed fields for the columns given, what must be filled or empty, and
    the predicates that apps have named.
    """

    def __init__(
        self, data: Any = None, *, record_type: str, columns: Sequence[str], tree: Mapping[str, Any], prefix: str
    ) -> None:
        self.record_type = record_type
        self.leaves: dict[str, tuple[str, str]] = {}
        self._made: dict[str, forms.Field] = {}
        for column in columns:
            self._offer(column)
        self._offer_lists()
        values, self.kept = as_fields(tree, self.leaves)
        super().__init__(data, initial=values, prefix=prefix)
        self.fields.update(self._made)
        self.keep_choices(values)

    def keep_choices(self, values: Mapping[str, Any]) -> None:
        """Offer also what a rule holds that is no choice any more."""
        for name, field in self._made.items():
            if isinstance(field, forms.MultipleChoiceField) and self.leaves[name][1] == "in":
                field.choices = with_stored(field.choices, values.get(name))  # type: ignore[arg-type]

    def _add(self, name: str, column: str, operator: str, field: forms.Field) -> None:
        if isinstance(field, forms.MultipleChoiceField | forms.ModelMultipleChoiceField):
            field.widget.attrs |= {"data-choose": "", "data-placeholder": _("any")}
        self.leaves[name], self._made[name] = (column, operator), field

    def _offer(self, name: str) -> None:
        """The field, or the pair from–to, of a column."""
        column = conditions.column(self.record_type, name)
        label = conditions.label(self.record_type, name)
        common: dict[str, Any] = {"label": label[:1].upper() + label[1:], "required": False}
        if isinstance(column, models.DecimalField):
            size: dict[str, Any] = {
                "max_digits": column.max_digits,
                "decimal_places": column.decimal_places,
                "min_value": 0,
            }
            for operator, text in (("gte", _("%(field)s from")), ("lte", _("%(field)s to"))):
                field = NumberField(label=text % {"field": common["label"]}, required=False, **size)
                self._add(f"{name}_{operator}", name, operator, field)
        elif isinstance(column, models.BooleanField):
            choices = [("", "—"), (YES, _("yes")), (NO, _("no"))]
            self._add(name, name, "eq", forms.ChoiceField(choices=choices, **common))
        elif isinstance(column, models.ForeignKey):
            rows = people() if column.related_model is User else column.related_model._default_manager.all()
            self._add(name, name, "in", forms.ModelMultipleChoiceField(rows, **common))
        else:
            listed = column.choices or (region_choices() if name == "region" else position_choices())
            self._add(name, name, "in", forms.MultipleChoiceField(choices=listed, **common))

    def _offer_lists(self) -> None:
        columns = conditions.columns(self.record_type)
        for operator, label in (("filled", _("These fields are filled in")), ("empty", _("These fields are empty"))):
            self._add(operator, "", operator, forms.MultipleChoiceField(choices=columns, label=label, required=False))
        known = [(name, str(row[0])) for name, row in conditions.PREDICATES.get(self.record_type, {}).items()]
        if known:
            self._add("is", "", "is", forms.MultipleChoiceField(choices=known, label=_("Besides"), required=False))

    def clean(self) -> dict[str, Any]:
        """From is not above to."""
        given = super().clean() or {}
        for name, (column, operator) in self.leaves.items():
            low, high = given.get(f"{column}_gte"), given.get(name)
            if operator == "lte" and low is not None and high is not None and low > high:
                self.add_error(name, _("«To» is less than «from»."))
        return given

    def tree(self) -> dict[str, Any]:
        """The conditions as the language of conditions has them."""
        return self.tree_from(self.cleaned_data)

    def tree_from(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same of given values of the fields."""
        return tree_of(values, self.leaves, self.kept)
