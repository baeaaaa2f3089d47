"""“Spam / not a client”: close a lead as erroneous and put its phones and e-mails on the exclusion list (LEAD-15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from crm import bulk, normalize, pipelines, undo
from crm.actors import Actor
from crm.contact_points import points_of
from crm.errors import InvalidInput, StageError
from crm.exclusions import exclusion_add, exclusion_remove
from crm.models import Exclusion, RefusalReason
from crm.rows import locked_for
from crm.stages import Refusal, move
from crm.together import apart
from leads.models import Lead

ERRONEOUS = "erroneous"


@dataclass(frozen=True)
class SpamMark:
    """What marking a lead did: where it stood before, and the rows that it put on the list."""

    lead: Lead
    from_stage: str
    added: tuple[Exclusion, ...]


@apart
def lead_mark_spam(lead: Lead, *, by: Any) -> SpamMark:
    """Close a lead of the manufacturer as erroneous and exclude its phones and e-mails, in one transaction.

    Raises StageError for a lead that is closed or a partner's, DoesNotExist for whoever may not change it.
    """
    actor = Actor.of(by)
    lead = locked_for(Lead, lead.pk, actor, alive=True)
    if lead.partner_id is not None or not lead.is_open:
        raise StageError(_("«%(lead)s» is closed already.") % {"lead": lead})
    before = lead.stage
    reason = _("Spam or not a client: lead № %(id)s") % {"id": lead.pk}
    added = []
    for point in points_of(lead):
        row, is_new = exclusion_add(kind=point.kind, value=point.value, reason=reason, by=actor)
        if is_new:
            added.append(row)
    comment = _("Spam or not a client.")
    if added:
        comment += " " + _("Added to the exclusion list: %(values)s.") % {"values": ", ".join(map(_shown, added))}
    move(lead, ERRONEOUS, by=actor, refusal=Refusal(_spam_reason(lead), comment))
    return SpamMark(lead, before, tuple(added))


def _spam_reason(lead: Lead) -> int | None:
    """The reason of the stage that says spam, whatever it is called now; without one the first that there is."""
    stage = pipelines.find_stage(lead.pipeline_id, ERRONEOUS)
    rows = list(RefusalReason.objects.filter(stage=stage, is_active=True).order_by("order", "pk"))
    named = [row for row in rows if {"spam", "спам"} & {row.name_en.lower(), row.name_ru.lower()}]
    return next((row.pk for row in [*named, *rows]), None)


def _shown(row: Exclusion) -> str:
    return normalize.format_phone(row.value) if row.kind == Exclusion.Kind.PHONE else row.value


def offer_undo(user: User, marks: list[SpamMark]) -> str:
    """The address that opens the leads again and takes their rows out of the list."""
    return undo.offer(
        user,
        "spam",
        record_type="lead",
        moves=[[mark.lead.pk, mark.from_stage, mark.lead.stage] for mark in marks],
        exclusions=[row.pk for mark in marks for row in mark.added],
    )


@undo.undoer("spam")
def _undo_spam(by: Actor, payload: Mapping[str, Any]) -> str:
    undo.UNDOERS["move"](by, payload)
    _take_off(payload["exclusions"], by)
    return _("Undone: the lead is open again, and its phones and e-mails are off the exclusion list.")


def _take_off(keys: list[int], by: Actor) -> None:
    for row in Exclusion.objects.filter(pk__in=keys):
        exclusion_remove(row, by=by)


# -- many at once -----------------------------------------------------------------------------------------------------


def spam_many(record: Any, by: Any, params: Mapping[str, Any]) -> Any:
    """One lead of a bulk job; what it takes to undo it are the stages and the rows put on the list."""
    if not isinstance(record, Lead):
        raise InvalidInput(_("Only leads can be marked as spam."))
    mark = lead_mark_spam(record, by=by)
    return [mark.from_stage, mark.lead.stage, [row.pk for row in mark.added]]


def take_back(record: Any, entry: Any, by: Actor) -> bool:
    """Open the lead again and take its rows off the list; not when somebody has moved it on meanwhile."""
    before, after, keys = entry
    if not bulk.UNDO["move"](record, [before, after], by):
        return False
    _take_off(keys, by)
    return True
