"""What a conversion would make, found out by making it and rolling it back: the preview cannot differ from the deed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from crm import normalize
from crm.contact_points import points_of
from crm.errors import DomainError, MissingField, MissingFields
from crm.models import ContactPoint, StagedRecord
from leads.conversion import ConversionChoice, convert
from leads.models import LeadConversion


@dataclass(frozen=True)
class PreviewLine:
    """One record that the lead becomes: made anew or there already, and the phones and e-mails it would get."""

    record_type: str
    name: str
    is_new: bool
    points: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """The records, or why it cannot be done; `missing` is what the deal's first stage requires and lacks."""

    lines: tuple[PreviewLine, ...] = ()
    problem: str = ""
    missing: tuple[MissingField, ...] = ()


def preview(*, lead_id: int, by: Any, choice: ConversionChoice) -> Preview:
    """What the choice would make of the lead; nothing is kept. DoesNotExist for whoever may not change the lead."""
    try:
        with transaction.atomic():
            made = convert(lead_id=lead_id, by=by, choice=choice)
            memory = LeadConversion.objects.filter(lead=made.lead, undone_at=None).first()
            results = [record for record in (made.contact, made.company, made.deal) if record is not None]
            lines = tuple(_line(record, memory) for record in results)
            transaction.set_rollback(True)
    except MissingFields as error:
        return Preview(problem=error.message, missing=tuple(error.missing))
    except DomainError as error:
        return Preview(problem=error.message)
    return Preview(lines)


def _line(record: StagedRecord, memory: LeadConversion | None) -> PreviewLine:
    snapshot = memory.snapshot if memory is not None else {"made": [], "points": []}
    is_new = record.RECORD_TYPE in snapshot["made"]
    points = [point for point in points_of(record) if is_new or point.pk in snapshot["points"]]
    return PreviewLine(record.RECORD_TYPE, str(record), is_new, tuple(_shown(point) for point in points))


def _shown(point: ContactPoint) -> str:
    return normalize.format_phone(point.value, point.extension) if point.kind == "phone" else point.value
