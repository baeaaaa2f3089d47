"""The files that a record shows: its own, and those of the other side of a hand-over (PART-8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db.models import Q, QuerySet

from accounts.models import User
from crm.models import Attachment, StagedRecord
from crm.visibility import readable_by, visible_record

# Which files of other records a record shows as well, and at which other records a file is shown; see share().
SHARED: list[Callable[[StagedRecord], Q | None]] = []
HOMES: list[Callable[[Attachment], Iterable[tuple[str, int]]]] = []


def share(files: Callable[[StagedRecord], Q | None], homes: Callable[[Attachment], Iterable[tuple[str, int]]]) -> None:
    """Register both directions; called from AppConfig.ready."""
    if files not in SHARED:
        SHARED.append(files)
        HOMES.append(homes)


def files_of(record: StagedRecord, user: User) -> QuerySet[Attachment]:
    """The files of a record that the user has been let in to; a file that both sides keep is shown once."""
    own = Q(record_type=record.RECORD_TYPE, record_id=record.pk)
    found = own
    for more in SHARED:
        if (shared := more(record)) is not None:
            kept = Attachment.objects.filter(own).exclude(file="").order_by().values("file")
            found |= shared & ~Q(file__in=kept)
    return readable_by(Attachment.objects.filter(found), user)


def file_for(pk: int, user: User) -> Attachment | None:
    """One file, for whoever may see a record that shows it."""
    attachment = readable_by(Attachment.objects.filter(pk=pk), user).first()
    if attachment is None:
        return None
    if visible_record(attachment.record_type, attachment.record_id, user) is not None:
        return attachment
    for homes in HOMES:
        for record_type, record_id in homes(attachment):
            record = visible_record(record_type, record_id, user)
            if record is not None and files_of(record, user).filter(pk=pk).exists():
                return attachment
    return None
