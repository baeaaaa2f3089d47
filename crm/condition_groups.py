"""Groups of conditions in a form: within a group all, any or none of what is filled in must hold, and so the groups.

The tree of a rule is read as such groups and written back as such a tree; what is nested deeper (by the API) stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from crm import conditions
from crm.condition_forms import ConditionsForm, Leaves, as_fields

ALL, ANY, NONE, NOT_ALL = "all", "any", "none", "not_all"
MOST = 6
Tree = Mapping[str, Any]
# A group as it is read: how its conditions hold together, and the values of its fields.
Group = tuple[str, dict[str, Any]]


class GroupForm(ConditionsForm):
    """The conditions of one group, and how they hold together."""

    MODES = (
        (ALL, gettext_lazy("all of this holds")),
        (ANY, gettext_lazy("at least one of this holds")),
        (NONE, gettext_lazy("nothing of this holds")),
        (NOT_ALL, gettext_lazy("not all of this holds at once")),
    )

    def __init__(self, data: Any, *, record_type: str, columns: Sequence[str], group: Group, prefix: str) -> None:
        mode, values = group
        super().__init__(data, record_type=record_type, columns=columns, tree={}, prefix=prefix)
        self.fields["mode"] = forms.ChoiceField(
            label=gettext_lazy("How they hold together"), choices=self.MODES, required=False
        )
        self.order_fields(["mode"])
        self.initial = {**values, "mode": mode}
        self.keep_choices(values)

    @property
    def asked(self) -> list[Any]:
        """The fields of the conditions alone."""
        return [self[name] for name in self.leaves]

    def branch(self) -> Tree:
        """The group as a tree; empty where nothing is filled in."""
        return _wrapped(self.cleaned_data.get("mode") or ALL, self.parts())

    def parts(self) -> list[Any]:
        """What is filled in, condition by condition."""
        found: list[Any] = self.tree().get("all", [])
        return found

    @property
    def is_plain(self) -> bool:
        """Must simply all of it hold?"""
        return (self.cleaned_data.get("mode") or ALL) == ALL

    @property
    def words(self) -> str:
        """What was read into the group, in words; empty for one that is new or being changed."""
        values = {name: value for name, value in self.initial.items() if name != "mode"}
        if self.is_bound or not any(values.values()):
            return ""
        tree = _wrapped(self.initial["mode"], self.tree_from(values)["all"])
        return conditions.describe(tree, self.record_type)


class JoinForm(forms.Form):
    """How the groups hold together."""

    join = forms.ChoiceField(
        label=gettext_lazy("The groups together"), required=False, initial=ALL, widget=forms.RadioSelect,
        choices=[(ALL, gettext_lazy("and: each of them must hold")), (ANY, gettext_lazy("or: one of them is enough"))],
    )  # fmt: skip


class ConditionGroups:
    """Conditions over the records of a kind as groups of plain fields.

    The buttons `add_group` and `drop_group` add one and take one away; `prefix-groups` lists those there are.
    """

    def __init__(self, data: Any, *, record_type: str, columns: Sequence[str], tree: Tree, prefix: str) -> None:
        self.record_type, self.prefix = record_type, prefix
        offered = ConditionsForm(record_type=record_type, columns=columns, tree={}, prefix=prefix).leaves
        join, stored, self.kept = read_groups(tree, offered)
        self.joined = JoinForm(data, initial={"join": join}, prefix=prefix)
        self.added = ""
        self.forms = [
            GroupForm(data, record_type=record_type, columns=columns, group=group, prefix=f"{prefix}{key}")
            for key, group in self._keys(data, stored)
        ]
        for form in self.forms:
            if form.prefix == self.added:
                form.fields["mode"].widget.attrs["autofocus"] = True

    def _keys(self, data: Any, stored: list[Group]) -> list[tuple[str, Group]]:
        """The groups that the form shows, by the ends of their prefixes."""
        if data is None:
            return [(str(number or ""), group) for number, group in enumerate(stored)]
        keys = [key for key in data.getlist(f"{self.prefix}-groups") if key == "" or (key.isascii() and key.isdigit())]
        keys = [key[:6] for key in dict.fromkeys(keys)][:MOST] or [""]
        if (dropped := data.get("drop_group")) is not None and len(keys) > 1:
            keys = [key for key in keys if f"{self.prefix}{key}" != dropped]
        if "add_group" in data and len(keys) < MOST:
            keys.append(str(max(int(key or 0) for key in keys) + 1))
            self.added = f"{self.prefix}{keys[-1]}"
        return [(key, (ALL, {})) for key in keys]

    def __iter__(self) -> Iterator[Any]:
        """The groups as the page shows them: the form, the end of its prefix, is it the one just added."""
        for form in self.forms:
            key = str(form.prefix).removeprefix(self.prefix)
            yield {"form": form, "key": key, "prefix": form.prefix, "is_new": form.prefix == self.added}

    @property
    def may_add(self) -> bool:
        """Is there room for another group?"""
        return len(self.forms) < MOST

    @property
    def is_set(self) -> bool:
        """Is any condition set?"""
        return bool(self.kept) or any(bound.value() for form in self.forms for bound in form.asked)

    def tree(self) -> Tree:
        """The conditions as the language of conditions has them, with those that no group shows."""
        filled = [form for form in self.forms if form.parts()]
        branches = [form.branch() for form in filled] + list(self.kept)
        if len(branches) > 1 and self.joined.cleaned_data.get("join") == ANY:
            return {"any": branches}
        if len(branches) == 1 and not _is_leaf(branches[0]) and not (filled and filled[0].is_plain):
            return branches[0]
        # The bare conditions of the first group stand in the list itself: so the API and older rules have them.
        first = filled[0].parts() if filled and filled[0].is_plain else branches[:1]
        return {"all": [*first, *branches[1:]]} if branches else {}

    @property
    def kept_words(self) -> str:
        """The conditions that stay as they are, in words."""
        return conditions.describe({"all": self.kept}, self.record_type) if self.kept else ""


def read_groups(tree: Tree, leaves: Leaves) -> tuple[str, list[Group], list[Tree]]:
    """A tree as groups: how they are joined, the groups (one at least), and what fits into none of them."""
    if (whole := _group_of(tree, leaves)) is not None:
        return ALL, [whole], []
    join = ANY if "any" in tree else ALL
    branches = list(tree.get(join, [tree]))
    groups: list[Group] = []
    if join == ALL and (bare := [branch for branch in branches if _is_leaf(branch)]):
        values, clashing = as_fields({"all": bare}, leaves)
        groups.append((ALL, values))
        branches = [*clashing, *(branch for branch in branches if not _is_leaf(branch))]
    kept: list[Tree] = []
    for branch in branches:
        group = _group_of(branch, leaves) if len(groups) < MOST else None
        if group is None:
            kept.append(branch)
        else:
            groups.append(group)
    return join, groups or [(ALL, {})], kept


def _is_leaf(tree: Tree) -> bool:
    return "field" in tree or "is" in tree


def _group_of(tree: Tree, leaves: Leaves) -> Group | None:
    """A tree as one group; None where it does not fit into one."""
    is_not = "not" in tree
    inner: Tree = tree["not"] if is_not else tree
    if is_not and not inner:
        return None
    word = ANY if ANY in inner or (is_not and _is_leaf(inner)) else ALL
    parts = inner.get(word, [inner] if inner else [])
    flat = [leaf for part in parts for leaf in (_span(part) if word == ANY else None) or [part]]
    if not all(_is_leaf(leaf) for leaf in flat) or (word == ANY and len(_paired(flat)) < len(parts)):
        return None
    values, others = as_fields({"all": flat}, leaves)
    if others:
        return None
    return {(ALL, False): ALL, (ANY, False): ANY, (ALL, True): NOT_ALL, (ANY, True): NONE}[word, is_not], values


def _span(part: Tree) -> list[Any]:
    """The two ends of a from–to, which is one condition where one of several is enough; empty for anything else."""
    ends = part.get("all", [])
    return list(ends) if len(ends) == 2 and len(_paired(ends)) == 1 else []


def _paired(parts: Sequence[Any]) -> list[Any]:
    """The parts with the two ends of a from–to put together."""
    found: list[Any] = []
    lows = {part.get("field"): part for part in parts if part.get("op") == "gte"}
    highs = {part.get("field"): part for part in parts if part.get("op") == "lte"}
    for part in parts:
        name, operator = part.get("field"), part.get("op")
        if operator == "lte" and name in lows:
            continue
        both = operator == "gte" and name in highs
        found.append({"all": [part, highs[name]]} if both else part)
    return found


def _wrapped(mode: str, parts: Sequence[Any]) -> Tree:
    """The parts as one branch."""
    if not parts:
        return {}
    if mode in {NONE, NOT_ALL}:
        return {"not": _wrapped(ANY if mode == NONE else ALL, parts)}
    listed = _paired(parts) if mode == ANY else list(parts)
    return listed[0] if len(listed) == 1 else {mode: listed}
