"""INSERT and UPDATE put together once per model and columns: what services write again and again.

Building the statement costs about as much as the database needs to carry it out. What does not have the plain form
(an expression among the values) goes the usual way.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from django.db import connections, router
from django.db.models import sql

FEW = 10
_INSERTS: dict[Hashable, str] = {}
_UPDATES: dict[Hashable, str] = {}


class PreparedWrites:
    """Mixin of models that are written often: save() means what it always means, its SQL is remembered."""

    def _do_insert(
        self, manager: Any, using: str, fields: Sequence[Any], returning_fields: Sequence[Any], raw: bool
    ) -> list[Any]:
        connection: Any = connections[using]
        if raw or _has_expression([getattr(self, field.attname) for field in fields]):
            return super()._do_insert(manager, using, fields, returning_fields, raw)  # type: ignore[misc]
        key = (type(self), using, connection.vendor, len(fields))
        if key not in _INSERTS:
            _INSERTS[key] = _insert_text(self, connection, fields, returning_fields)
        params = [field.get_db_prep_save(field.pre_save(self, add=True), connection) for field in fields]
        with connection.cursor() as cursor:
            cursor.execute(_INSERTS[key], params)
            return [connection.ops.fetch_returned_insert_columns(cursor, ())]

    def bound_to(self) -> list[tuple[Any, Any]]:
        """Columns, and what they must still hold for the row to be saved: models that guard one say so here."""
        return []

    def _do_update(self, base_qs: Any, using: Any, pk_val: Any, values: Any, *rest: Any, **options: Any) -> Any:
        if not values or base_qs.query.where or _has_expression([value for _field, _model, value in values]):
            return super()._do_update(base_qs, using, pk_val, values, *rest, **options)  # type: ignore[misc]
        if self._was_updated(using, pk_val, values):
            return True
        # Why there is no such row is for the usual way to find out.
        return bool(self.bound_to()) and super()._do_update(base_qs, using, pk_val, values, *rest, **options)  # type: ignore[misc]

    def _was_updated(self, using: Any, pk_val: Any, values: Any) -> bool:
        connection = connections[using]
        where = [*self.bound_to(), (self._meta.pk, pk_val)]  # type: ignore[attr-defined]
        columns = tuple(field.column for field, _model, _value in values)
        key = (type(self), connection.vendor, columns, tuple(field.column for field, _value in where))
        if key not in _UPDATES:
            _UPDATES[key] = _update_text(self._meta.db_table, connection, columns, key[-1])  # type: ignore[attr-defined]
        params = [field.get_db_prep_save(value, connection) for field, _model, value in values]
        params += [field.get_db_prep_value(value, connection) for field, value in where]
        with connection.cursor() as cursor:
            cursor.execute(_UPDATES[key], params)
            return cursor.rowcount > 0


def insert_rows(rows: Sequence[Any]) -> None:
    """Write new rows of one model by one statement, as bulk_create does; few rows do not learn their keys.

    For the handful of changes and phones that a service writes: statements are kept by the number of rows.
    """
    if not rows:
        return
    model: Any = type(rows[0])
    if len(rows) > FEW:
        model._default_manager.bulk_create(rows)
        return
    using = router.db_for_write(model)
    connection: Any = connections[using]
    fields = [field for field in model._meta.local_concrete_fields if not field.primary_key]
    key = (model, using, connection.vendor, len(rows), "rows")
    if key not in _INSERTS:
        into, values = _insert_text(rows[0], connection, fields, ()).split(" VALUES ")
        _INSERTS[key] = f"{into} VALUES {', '.join([values] * len(rows))}"
    params = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(_INSERTS[key], params)


def _has_expression(values: Sequence[Any]) -> bool:
    return any(hasattr(value, "resolve_expression") for value in values)


def _insert_text(row: Any, connection: Any, fields: Sequence[Any], returning: Sequence[Any]) -> str:
    query = sql.InsertQuery(type(row))
    query.insert_values(fields, [row], raw=True)
    compiler = query.get_compiler(connection=connection)
    compiler.returning_fields = returning
    return str(compiler.as_sql()[0][0])


def _update_text(table: str, connection: Any, columns: Sequence[str], bound: Sequence[str]) -> str:
    quote = connection.ops.quote_name
    changed = ", ".join(f"{quote(column)} = %s" for column in columns)
    which = " AND ".join(f"{quote(column)} = %s" for column in bound)
    return f"UPDATE {quote(table)} SET {changed} WHERE {which}"  # noqa: S608 - our own names, no values
