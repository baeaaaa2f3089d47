"""What an app says about its kind of record so that the shared screens can show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from accounts.models import Role
from crm.models import StagedRecord, record_model
from crm.querysets import Action
from crm.services import record_update


def attribute(name: str) -> Callable[[Any], Any]:
    """What a column shows when nothing else is said: the field of its own name."""
    return lambda row: getattr(row, name)


# Clients and objects are made by the manufacturer's sales people.
MAKERS = frozenset({Role.ADMINISTRATOR, Role.SALES_HEAD, Role.SALES_MANAGER})


@dataclass(frozen=True)
class Column:
    """A column of a list and of the file made of it.

    `value` answers what a file holds (the field `key` unless it is given); `kind` says how a cell shows it: text,
    number, money, day, moment, phone, mail, link, person, stage, next, tags. `sort` empty: the list does not sort by
    it. `shown`: it stands in the list before the reader has chosen columns. `fact`: the line of the card through
    which a cell is filled in place. `related` and `prefetch` are what the rows need for it; `only_list`: a file
    of all fields does without it, because its parts stand there as columns of their own. `internal`: not for the
    people of partners.
    """

    key: str
    label: Any
    sort: tuple[str, ...] = ()
    kind: str = "text"
    value: Any = None
    shown: bool = False
    fact: str = ""
    cell: Callable[[Any], str] | None = None
    related: tuple[str, ...] = ()
    prefetch: tuple[str, ...] = ()
    only_list: bool = False
    internal: bool = False

    def __post_init__(self) -> None:
        if self.value is None:
            object.__setattr__(self, "value", attribute(self.key))

    def as_head(self) -> dict[str, Any]:
        """As components/table_head.html reads it."""
        return {
            "key": self.key,
            "label": self.label,
            "sort": bool(self.sort),
            "numeric": self.kind in {"number", "money", "sides"},
            "class": f"col-{self.key}",
        }


@dataclass(frozen=True)
class Fact:
    """A line of the card: which fields stand behind it and how they are shown (text, or entries of a fact).

    `action` is what one must be allowed to do with the record to fill it in; an `internal` one is the
    manufacturer's: a partner's people do not see it.
    """

    name: str
    label: Any
    fields: tuple[str, ...] = ()
    show: Callable[[Any], Any] | None = None
    wide: bool = False
    locked: bool = False
    internal: bool = False
    action: Action = "change"


@dataclass(frozen=True)
class FactGroup:
    """A panel of the card; `is_for` tells whether a record has anything to say in it."""

    title: Any
    facts: tuple[Fact, ...]
    is_for: Callable[[Any], bool] = lambda _record: True


def no_notes(row: Any) -> Iterable[Any]:
    """Nothing beside the number."""
    return ()


@dataclass(frozen=True)
class Screen:
    """A kind of record as the shared screens see it. The first column is the record's name and always stands.

    `reads` are the fields that the functions of columns, notes and board cards read of a row, beyond the columns' own
    (crm.screens.light). `update` writes fields; `stage_dialogs` names, by stage code, the address of the dialog that
    completes a move which no plain field can complete (a conversion, a hand-over). `asked_along` names, by a field that
    a stage requires, the one that its dialog offers beside it without requiring it.
    """

    record_type: str
    filter_class: type[Any]
    drawer: tuple[str, ...]
    columns: tuple[Column, ...]
    facts: tuple[FactGroup, ...]
    related: tuple[str, ...]
    reads: tuple[str, ...]
    board_card: Callable[[Any], dict[str, Any]]
    update: Callable[..., Any] = record_update
    stage_dialogs: Mapping[str, str] = field(default_factory=dict)
    asked_along: Mapping[str, str] = field(default_factory=dict)
    default_sort: tuple[str, ...] = ("-created_at", "-id")
    has_amount: bool = False
    # Nobody else is offered to make one.
    may_create: Callable[[Any], bool] = lambda user: user.role in MAKERS
    card_related: tuple[str, ...] = ()
    names: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    row_notes: Callable[[Any], Iterable[Any]] = no_notes

    def columns_for(self, user: Any) -> list[Column]:
        """The columns that the person may have in a list."""
        return [column for column in self.columns if not column.internal or not user.is_partner]

    def groups_for(self, user: Any) -> list[FactGroup]:
        """The panels of facts that the person is shown."""
        if not user.is_partner:
            return list(self.facts)
        made = [replace(group, facts=tuple(fact for fact in group.facts if not fact.internal)) for group in self.facts]
        return [group for group in made if group.facts]

    @property
    def main(self) -> Column:
        return self.columns[0]

    def column(self, key: str) -> Column | None:
        """The column with that key."""
        return next((column for column in self.columns if column.key == key), None)

    @property
    def templates(self) -> str:
        """The folder of its templates: "leads" unless it is given."""
        return self.folder or f"{self.record_type}s"

    @property
    def model(self) -> type[StagedRecord]:
        return record_model(self.record_type)

    def fact(self, name: str, user: Any) -> Fact | None:
        """The line of the card with that name, if the person is shown it."""
        return next((fact for group in self.groups_for(user) for fact in group.facts if fact.name == name), None)


SCREENS: dict[str, Screen] = {}


def register(screen: Screen) -> Screen:
    """Make a kind of record known to the shared screens."""
    SCREENS[screen.record_type] = screen
    return screen


def of(record_type: str) -> Screen:
    """The screen of a kind of record."""
    return SCREENS[record_type]
