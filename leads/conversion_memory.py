"""What a conversion changed, kept so that it can be taken back (LEAD-10)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from crm import clock
from crm.actors import Actor
from crm.journaling import Journal, columns_of
from crm.models import Activity, Attachment, Change, Company, Contact, ContactPoint, RecordRef, StagedRecord
from crm.prepared import NUMBER, TEXT, Prepared
from crm.rows import row
from deals.models import Deal
from leads.models import Lead, LeadConversion


def rows_at(model: type[RecordRef], record: StagedRecord) -> Any:
    """The rows of a table that hang on a record."""
    return model._default_manager.filter(record_type=record.RECORD_TYPE, record_id=record.pk)


@cache
def _ids(model: type[RecordRef]) -> Prepared[Any]:
    """Asks for the ids of those rows."""
    return Prepared(
        lambda kind, pk: model._default_manager.filter(record_type=kind, record_id=pk).order_by().values_list("pk"),
        TEXT,
        NUMBER,
    )


def ids_at(model: type[RecordRef], record: StagedRecord) -> list[int]:
    """The ids of the rows of a table that hang on a record."""
    return sorted(pk for (pk,) in _ids(model).raw(record.RECORD_TYPE, record.pk))


@dataclass(frozen=True)
class _Hanging:
    """Ids of rows that hang on a record."""

    points: frozenset[int]
    files: frozenset[int]
    tags: frozenset[int]

    @classmethod
    def of(cls, record: StagedRecord) -> _Hanging:
        """As they are now."""
        tags = record.tags.values_list("pk", flat=True) if isinstance(record, Deal) else ()
        points, files = (ids_at(model, record) for model in (ContactPoint, Attachment))
        return cls(frozenset(points), frozenset(files), frozenset(tags))


class Memory:
    """Looks at the lead and at the existing records before a conversion, and again after it."""

    def __init__(self, lead: Lead, *, contact_id: int | None, company_id: int | None, deal_id: int | None) -> None:
        self.lead, self.stage = lead, lead.stage
        self.tasks = list(rows_at(Activity, lead).filter(done_at=None).values_list("pk", flat=True))
        wanted = ((Contact, contact_id), (Company, company_id), (Deal, deal_id))
        found = [row(model, pk, lock=True) for model, pk in wanted]
        self.existing: list[StagedRecord] = [record for record in found if record is not None]
        self.columns = {self._key(record): columns_of(record) for record in (lead, *self.existing)}
        self.stages = {self._key(record): record.stage for record in self.existing}
        self.of_object = [record.RECORD_TYPE for record in self.existing if _is_of_object(record, lead)]
        self.hanging = {self._key(record): _Hanging.of(record) for record in self.existing}

    @staticmethod
    def _key(record: StagedRecord) -> str:
        return f"{record.RECORD_TYPE}:{record.pk}"

    def keep(
        self, *, contact: Contact | None, company: Company | None, deal: Deal | None, actor: Actor
    ) -> LeadConversion:
        """Write down what is different now; before the lead is moved, for its stage is given back by a move."""
        journal = Journal()
        for record in (self.lead, *self.existing):
            journal.compare(record, self.columns[self._key(record)])
        results = [record for record in (deal, contact, company) if record is not None]
        made = [record for record in results if self._key(record) not in self.columns]
        new = [self._new(record) for record in self.existing]
        target = deal or contact
        moved = rows_at(Activity, target).filter(pk__in=self.tasks) if target is not None else Activity.objects.none()
        return LeadConversion.objects.create(
            lead=self.lead,
            **{f"{record.RECORD_TYPE}_id": record.pk for record in results},
            at=clock.now(),
            by=actor.user,
            snapshot={
                "stage": self.stage,
                "made": [record.RECORD_TYPE for record in made],
                "of_object": self.of_object,
                "groups": journal.groups,
                "stages": self.stages,
                "points": sorted(pk for item in new for pk in item.points),
                "files": sorted(pk for item in new for pk in item.files),
                "tags": sorted(pk for item in new for pk in item.tags),
                "tasks": list(moved.values_list("pk", flat=True)),
                "own": {self._key(record): _own(record) for record in made},
            },
        )

    def _new(self, record: StagedRecord) -> _Hanging:
        now, before = _Hanging.of(record), self.hanging[self._key(record)]
        return _Hanging(now.points - before.points, now.files - before.files, now.tags - before.tags)


def _is_of_object(record: StagedRecord, lead: Lead) -> bool:
    """Does a client hang on the lead's object already?"""
    clients: Any = {"contact": "contacts", "company": "companies"}.get(record.RECORD_TYPE)
    obj = lead.object
    return bool(clients and obj and getattr(obj, clients).filter(pk=record.pk).exists())


def _own(record: StagedRecord) -> dict[str, list[int]]:
    """What a record that was made now is born with: its phones, files, tasks and fields are not "something new"."""
    return {model._meta.label: ids_at(model, record) for model in (ContactPoint, Attachment, Activity, Change)}
