"""SELECTs whose SQL the ORM puts together once per process, and that run again and again with other values.

Composing a query costs Django several times what the database needs to answer a row by its key. What every request
asks (session, person, settings, stages, counters of the menu) is kept as the ORM's own SQL, with marks where the
values go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=Model)
T = TypeVar("T")

# Marks: values that stand nowhere else in a query.
NUMBER, TEXT, MOMENT = -(2**62), "\ufffemark", datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)


class _Text(NamedTuple):
    """SQL as compiled for one kind of database; `slots` tells which parameters are which value."""

    sql: str
    params: tuple[Any, ...]
    slots: list[tuple[int, int]]
    model: Any
    names: list[str]
    related: list[Any]
    converters: list[tuple[int, Any, Any]]


class Prepared(Generic[M]):
    """A query kept as SQL. `build` gets a mark (NUMBER, TEXT, MOMENT) in place of each value, answers the queryset."""

    def __init__(self, build: Callable[..., QuerySet[M]], *marks: Any) -> None:
        self.build, self.marks = build, [_numbered(mark, number) for number, mark in enumerate(marks)]
        if len(set(self.marks)) < len(marks):
            raise ValueError("Two values of a prepared query have the same mark.")
        self._texts: dict[str, _Text] = {}

    def raw(self, *values: Any, using: str = DEFAULT_DB_ALIAS) -> list[tuple[Any, ...]]:
        """The rows as the driver hands them over."""
        text = self._text(using)
        params = list(text.params)
        for place, number in text.slots:
            params[place] = _sent(values[number], using)
        with connections[using].cursor() as cursor:
            cursor.execute(text.sql, params)
            return cursor.fetchall()

    def made(self, raw: Sequence[tuple[Any, ...]], using: str = DEFAULT_DB_ALIAS) -> list[M]:
        """Those rows as records, with what the query joins (`select_related`)."""
        text, connection = self._text(using), connections[using]
        found = []
        for row in raw:
            values = list(row)
            for index, function, expression in text.converters:
                values[index] = function(values[index], expression, connection)
            record = text.model.from_db(using, text.names, values[: len(text.names)])
            for relation in text.related:
                relation.populate(values, record)
            found.append(record)
        return found

    def all(self, *values: Any, using: str = DEFAULT_DB_ALIAS) -> list[M]:
        """The records."""
        return self.made(self.raw(*values, using=using), using)

    def first(self, *values: Any, using: str = DEFAULT_DB_ALIAS) -> M | None:
        """The only record, or None; the query sees to it that there is one at most."""
        return next(iter(self.all(*values, using=using)), None)

    def _text(self, using: str) -> _Text:
        vendor = connections[using].vendor
        if vendor not in self._texts:
            self._texts[vendor] = self._compiled(using)
        return self._texts[vendor]

    def _compiled(self, using: str) -> _Text:
        rows: Any = self.build(*self.marks).using(using)
        compiler = rows.query.get_compiler(using)
        sql, params = compiler.as_sql()
        marks = [_sent(mark, using) for mark in self.marks]
        slots = [(place, marks.index(value)) for place, value in enumerate(params) if value in marks]
        columns: list[Any] = [expression for expression, _sql, _alias in compiler.select]
        converters = [
            (index, function, expression)
            for index, (functions, expression) in compiler.get_converters(columns).items()
            for function in functions
        ]
        own = compiler.klass_info["select_fields"] if compiler.klass_info else []
        names = [columns[index].target.attname for index in own]
        related = get_related_populators(compiler.klass_info, compiler.select, using) if own else []  # type: ignore[call-arg]
        return _Text(sql, tuple(params), slots, rows.model, names, related, converters)


class Kept(Generic[T]):
    """What is made of all rows of a small table, kept in the process for as long as the rows stay the same.

    Every use reads the rows, which is cheap, and compares: so a change made by another process is seen at once, and
    only the work of making records of the rows is saved. What is handed out is shared: nobody may change it.
    """

    def __init__(self, rows: Callable[[], QuerySet[Any]], make: Callable[[list[Any]], T]) -> None:
        self.query: Prepared[Any] = Prepared(rows)
        self.make = make
        self._last: tuple[list[tuple[Any, ...]], T] | None = None

    def get(self) -> T:
        """The value as of now; one query."""
        raw, last = self.query.raw(), self._last
        if last is not None and last[0] == raw:
            return last[1]
        made = self.make(self.query.made(raw))
        self._last = (raw, made)
        return made


def _numbered(mark: Any, number: int) -> Any:
    """A mark of its own for each value, though two are of a kind."""
    if isinstance(mark, datetime):
        return mark + timedelta(microseconds=number)
    return f"{mark}{number}" if isinstance(mark, str) else mark - number


def _sent(value: Any, using: str) -> Any:
    """A value as it stands among the parameters: SQLite is sent moments as text."""
    return connections[using].ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
