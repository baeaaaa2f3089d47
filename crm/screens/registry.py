"""What an app says about its kind of record so that the shared screens can show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.models import StagedRecord, record_model
from crm.services import record_update


@dataclass(frozen=True)
class Column:
    """A column of the list: what it sorts by (empty: it does not), whether it is a number."""

    key: str
    label: Any
    sort: tuple[str, ...] = ()
    numeric: bool = False

    def as_head(self) -> dict[str, Any]:
        """As components/table_head.html reads it."""
        return {
            "key": self.key,
            "label": self.label,
            "sort": bool(self.sort),
            "numeric": self.numeric,
            "class": f"col-{self.key}",
        }


@dataclass(frozen=True)
class ExportColumn:
    """A column of an exported file: kind is text, number, money, day or moment."""

    label: Any
    value: Callable[[Any], Any]
    kind: str = "text"


@dataclass(frozen=True)
class Fact:
    """A line of the card: which fields stand behind it and how they are shown (text, or entries of a fact)."""

    name: str
    label: Any
    fields: tuple[str, ...] = ()
    show: Callable[[Any], Any] | None = None
    wide: bool = False
    locked: bool = False


@dataclass(frozen=True)
class FactGroup:
    """A panel of the card."""

    title: Any
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Screen:
    """A kind of record as the shared screens see it.

    `update` writes fields; `stage_dialogs` names, by stage code, the address of the dialog that completes a move
    which no plain field can complete (a conversion, a hand-over).
    """

    record_type: str
    filter_class: type[Any]
    drawer: tuple[str, ...]
    columns: tuple[Column, ...]
    export: tuple[ExportColumn, ...]
    facts: tuple[FactGroup, ...]
    related: tuple[str, ...]
    board_card: Callable[[Any], dict[str, Any]]
    update: Callable[..., Any] = record_update
    stage_dialogs: Mapping[str, str] = field(default_factory=dict)
    default_sort: tuple[str, ...] = ("-created_at", "-id")
    has_amount: bool = False
    card_related: tuple[str, ...] = ()
    names: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""

    @property
    def templates(self) -> str:
        """The folder of its templates: "leads" unless it is given."""
        return self.folder or f"{self.record_type}s"

    @property
    def model(self) -> type[StagedRecord]:
        return record_model(self.record_type)

    def fact(self, name: str) -> Fact | None:
        """The line of the card with that name."""
        return next((fact for group in self.facts for fact in group.facts if fact.name == name), None)


SCREENS: dict[str, Screen] = {}


def register(screen: Screen) -> Screen:
    """Make a kind of record known to the shared screens."""
    SCREENS[screen.record_type] = screen
    return screen


def of(record_type: str) -> Screen:
    """The screen of a kind of record."""
    return SCREENS[record_type]
