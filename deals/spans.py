"""Filters of deals that say days and what is meant of them in one word: "2026-01-01:2026-03-31:first"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, Self

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.dateparse import parse_date

from crm.filters import FIRST_DAY, LAST_DAY, day_start


def as_stored(moment: datetime) -> Any:
    """A moment as a parameter of SQL that this database compares with its columns."""
    return connection.ops.adapt_datetimefield_value(moment.astimezone(UTC))


@dataclass(frozen=True)
class Span:
    """Days, both included, and one of the words that the kind of filter knows; `WORDS` names them for the reader."""

    WORDS: ClassVar[Mapping[str, Any]] = {}

    start: date
    end: date
    word: str

    @property
    def code(self) -> str:
        """As an address holds it; `parse` reads it."""
        return f"{self.start.isoformat()}:{self.end.isoformat()}:{self.word}"

    @property
    def days(self) -> dict[str, str]:
        """Both days as texts, for a sentence."""
        return {"start": f"{self.start:%d.%m.%Y}", "end": f"{self.end:%d.%m.%Y}"}

    @property
    def moments(self) -> list[Any]:
        """The moment at which the days begin and the one at which they are over, as parameters of SQL."""
        ends = (day_start(self.start), day_start(self.end + timedelta(days=1)))
        return [as_stored(end) for end in ends]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a code; None for what is none."""
        parts = text.split(":")
        if len(parts) != 3 or parts[2] not in cls.WORDS:
            return None
        try:
            start, end = parse_date(parts[0]), parse_date(parts[1])
        except ValueError:
            return None
        if start is None or end is None or not FIRST_DAY <= start <= end <= LAST_DAY:
            return None
        return cls(start, end, parts[2])


class SpanField(forms.CharField):
    """A code of one kind of span."""

    def __init__(self, *, kind: type[Span], refusal: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind, self.refusal = kind, refusal

    def to_python(self, value: Any) -> Any:
        """The span that is meant; ValidationError for what is none."""
        text = super().to_python(value)
        if not text:
            return None
        if (found := self.kind.parse(text)) is None:
            raise ValidationError(str(self.refusal), code="invalid_choice")
        return found


class SpanFilter(filters.CharFilter):
    """Deals by such a code."""

    field_class = SpanField
