"""A partner takes what was handed over to it: said on both records, and by whom and when on the hand-over (PART-2).

To decline is to refuse the record with a reason, as anywhere (PART-4); the manufacturer's record is at work again then.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from accounts import identity
from accounts.models import User
from crm import clock, timeline
from crm.actors import Actor
from crm.models import record_model
from crm.together import apart
from partners.handoff import HandoffError, on_behalf
from partners.models import Handoff


@apart
def handoff_accept(record: Any, *, by: Any) -> Handoff:
    """Take the partner's record into work; accepted twice it stays as it was.

    DoesNotExist for whoever does not see the record, PermissionDenied for all but the partner's people, HandoffError
    where nothing was handed over, or it was taken back.
    """
    actor = Actor.of(by)
    user = actor.user
    rows = type(record)._default_manager.alive()
    if user is None or not rows.visible_to(user).filter(pk=record.pk).exists():
        raise type(record).DoesNotExist
    if not user.is_partner:
        raise PermissionDenied(_("What was handed over is accepted by the partner."))
    locked = rows.visible_to(user).select_for_update(of=("self",)).get(pk=record.pk)
    active = Handoff.objects.filter(record_type=locked.RECORD_TYPE, twin_id=locked.pk, state=Handoff.State.ACTIVE)
    handoff = active.select_for_update(of=("self",)).select_related("partner").first()
    if handoff is None:
        raise HandoffError(_("This request was not handed over to you, or was taken back."))
    if handoff.accepted_at is None:
        mark_accepted(handoff, user, clock.now())
        timeline.record(locked, "partner_accepted", actor, {"partner": handoff.partner.name})
        with identity.as_system():  # The manufacturer's record is out of the partner's sight, and is told all the same.
            model: Any = record_model(handoff.record_type)
            origin = model._default_manager.get(pk=handoff.record_id)
            timeline.record(origin, "partner_accepted", on_behalf(actor), {"partner": handoff.partner.name})
    return handoff


def mark_accepted(handoff: Handoff, user: User | None, at: datetime) -> None:
    """Write who took it and when."""
    handoff.accepted_at, handoff.accepted_by = at, user
    handoff.save(update_fields=["accepted_at", "accepted_by"])


def to_accept(records: Iterable[Any]) -> set[tuple[str, int]]:
    """Of a partner's records those handed over to it and not accepted yet, by (kind, key); a query per kind."""
    wanted: dict[str, list[int]] = {}
    for record in records:
        wanted.setdefault(record.RECORD_TYPE, []).append(record.pk)
    found: set[tuple[str, int]] = set()
    for kind, keys in wanted.items():
        rows = Handoff.objects.filter(record_type=kind, twin_id__in=keys, state=Handoff.State.ACTIVE)
        found |= {(kind, pk) for pk in rows.filter(accepted_at__isnull=True).values_list("twin_id", flat=True)}
    return found
