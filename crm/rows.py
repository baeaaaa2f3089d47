"""One row by its key, the way services read records again and again: the SQL is put together once per kind.

Our records have some sixty columns, and putting a SELECT of them together costs several times what the database
needs to answer it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connections, models, router
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor
from django.db.transaction import TransactionManagementError

from crm import scope
from crm.models import NamedRow, RecordRef, StagedRecord
from crm.prepared import NUMBER, TEXT, Kept, Prepared
from crm.querysets import Action

if TYPE_CHECKING:
    from crm.actors import Actor

M = TypeVar("M", bound=models.Model)
R = TypeVar("R", bound=StagedRecord)

_QUERIES: dict[tuple[Any, ...], Prepared[Any]] = {}


def row(model: type[M], pk: Any, *, alive: bool = False, lock: bool = False) -> M | None:
    """The row with that key, or None; `alive` leaves out deleted and merged records, `lock` needs a transaction."""
    if pk is None:
        return None
    using = router.db_for_write(model) if lock else router.db_for_read(model)
    connection = connections[using]
    if lock and not connection.in_atomic_block:
        raise TransactionManagementError("A row is locked within a transaction only.")
    key = (model, alive, lock)
    if key not in _QUERIES:
        mark = TEXT if isinstance(model._meta.pk, models.CharField) else NUMBER
        _QUERIES[key] = Prepared(partial(_by_key, model, alive=alive, lock=lock), mark)
    return _QUERIES[key].first(pk, using=using)


def locked_for(
    model: type[R], pk: Any, actor: Actor, *, alive: bool = False, action: Action = "change", held: R | None = None
) -> R:
    """A record locked for changing (or what `action` says); DoesNotExist where it is deleted or out of reach.

    Robots, forms and the product itself reach every record. `held` is the record where the caller has read it under
    its lock in this very transaction and nobody else has written it since: it is not read once more.
    """
    found = held if held is not None else row(model, pk, alive=alive, lock=True)
    if found is None or found.deleted_at is not None or not _is_in_reach(found, actor, action):
        raise model.DoesNotExist(f"{model.__name__} {pk}")
    return found


def _is_in_reach(found: StagedRecord, actor: Actor, action: Action) -> bool:
    from crm import visibility

    return not actor.is_person or visibility.reaches(found, actor.user, action)


class _ByKey(ForwardManyToOneDescriptor):
    """Reads the person or record that a row points to."""

    def get_object(self, instance: models.Model) -> models.Model:
        model, pk = self.field.related_model, getattr(instance, self.field.attname)
        found: models.Model | None = row(model, pk)
        if found is None:
            raise model.DoesNotExist(f"{model.__name__} {pk}")
        return found


_CATALOGUES: dict[type[models.Model], Kept[dict[Any, models.Model]]] = {}


def is_shared(field: models.Field[Any, Any]) -> bool:
    """Does the field point to a catalogue whose rows are kept in the process, so that no list need join it?

    Only rows that point nowhere themselves can be shared: nothing within them grows old.
    """
    model = field.related_model
    return (
        isinstance(model, type)
        and issubclass(model, NamedRow)
        and not any(column.is_relation for column in model._meta.concrete_fields)
        and type(field) is models.ForeignKey
    )


def catalogue(model: type[models.Model]) -> dict[Any, models.Model]:
    """The rows of a catalogue by key, read once per request, task or command."""
    return scope.remember(f"rows:{model._meta.label}", lambda: _catalogue(model))


def _catalogue(model: type[models.Model]) -> dict[Any, models.Model]:
    if model not in _CATALOGUES:
        _CATALOGUES[model] = Kept(model._default_manager.order_by, lambda rows: {row.pk: row for row in rows})
    return _CATALOGUES[model].get()


class _Remembered(ForwardManyToOneDescriptor):
    """Reads the rows of a catalogue (sources, purposes, reasons) once per request, task or command."""

    def get_object(self, instance: models.Model) -> models.Model:
        model, pk = self.field.related_model, getattr(instance, self.field.attname)
        if is_shared(self.field):
            rows = catalogue(model)
            if pk in rows:
                return rows[pk]
        key = f"row:{model._meta.label}:{pk}"
        return scope.remember(key, lambda: super(_Remembered, self).get_object(instance))


def prepare_relations() -> None:
    """Let records, and what hangs on them, follow their foreign keys cheaply; called once, when all apps are loaded.

    Catalogue rows are shared, people and other records are read by their key.
    """
    for model in apps.get_models():
        if not issubclass(model, StagedRecord | RecordRef):
            continue
        for field in model._meta.concrete_fields:
            if type(field) is not models.ForeignKey:
                continue
            if issubclass(field.related_model, StagedRecord | AbstractBaseUser):
                setattr(model, field.name, _ByKey(field))
            elif issubclass(model, StagedRecord) and issubclass(field.related_model, NamedRow):
                setattr(model, field.name, _Remembered(field))


def _by_key(model: type[M], pk: Any, *, alive: bool, lock: bool) -> models.QuerySet[M]:
    rows: Any = model._base_manager.filter(pk=pk).order_by()
    if alive:
        rows = rows.filter(deleted_at__isnull=True, merged_into__isnull=True)
    return rows.select_for_update(of=("self",)) if lock else rows  # type: ignore[no-any-return]
