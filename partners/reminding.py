"""Reminding partners of what waits at them (PART-4): nobody has called for a day, or the norm of the stage is over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Partner, User
from crm import clock, norms, notify, pipelines, timeline
from crm.actors import Actor
from crm.models import RecordType, TimelineEntry
from deals.models import Deal
from leads.models import Lead
from partners.rights import may_control
from partners.stages import BY_KIND

UNTOUCHED_AFTER = timedelta(hours=24)
# Whoever was reminded is left to work; a second press, or a colleague's, changes nothing meanwhile.
NOT_AGAIN_WITHIN = timedelta(hours=4)
ACTION = "partner_reminded"
MOST = 500


def waiting_at_partners(user: User, partner: Partner | None = None) -> dict[RecordType, Any]:
    """Records at partners that nobody has touched for a day or that stand over their norm, as far as the user sees
    them: querysets by kind, those who wait longest first.
    """
    found: dict[RecordType, Any] = {}
    for kind, pipeline in BY_KIND.items():
        rows: Any = Deal.objects.visible_to(user) if kind == RecordType.DEAL else Lead.objects.visible_to(user)
        rows = rows.alive().filter(_waits(pipeline), pipeline=pipeline, partner__isnull=False)
        if partner is not None:
            rows = rows.filter(partner=partner)
        found[kind] = rows.order_by("stage_entered_at", "pk")
    return found


def untouched_before() -> Any:
    """Since when a record must stand at its first stage to count as untouched."""
    return clock.now() - UNTOUCHED_AFTER


def _waits(pipeline: str) -> Q:
    stages = [stage for stage in pipelines.all_stages() if stage.pipeline_id == pipeline]
    start = [stage.key for stage in stages if stage.is_start]
    return Q(stage__in=start, stage_entered_at__lt=untouched_before()) | norms.over_norm(stages)


@transaction.atomic
def partner_remind(*, by: Any, partner: Partner | None = None, records: Iterable[Any] | None = None) -> int:
    """Tell the partners' people of what waits at them, a line on each record's timeline; answers of how many records.

    Of all that waits at all partners, at one, or of the records named. What was reminded of within the last hours is
    left alone. PermissionDenied for whoever does not control the partners.
    """
    actor = Actor.of(by)
    if actor.user is None or not may_control(actor.user):
        raise PermissionDenied(_("Partners are reminded by those who control them."))
    if records is None:
        rows = waiting_at_partners(actor.user, partner)
        records = [record for found in rows.values() for record in found.select_related("responsible")[:MOST]]
    chosen = [record for record in records if record.partner_id is not None and record.is_open]
    # Whoever presses at the same moment waits here, and then reads what was told just now.
    keys = sorted({record.partner_id for record in chosen})
    list(Partner.objects.filter(pk__in=keys).order_by("pk").select_for_update(of=("self",)))
    known = reminded_at(chosen)
    count = 0
    for record in chosen:
        if (record.RECORD_TYPE, record.pk) in known:
            continue
        told = {"stage": record.stage, "since": record.stage_entered_at.isoformat()}
        timeline.record(record, ACTION, actor, told)
        notify.tell(record.responsible_id, record, "silence", ACTION, told, by=actor)
        count += 1
    return count


def reminded_at(records: Iterable[Any]) -> dict[tuple[str, int], Any]:
    """When the partner was last reminded of a record, by (kind, key), where that is not too long ago to do so anew."""
    found = _reminders(list(records))
    return {(kind, pk): at for kind, pk, at in found.order_by("at").values_list("record_type", "record_id", "at")}


def _reminders(records: list[Any]) -> Any:
    found = Q(pk__in=[])
    for kind in BY_KIND:
        keys = [record.pk for record in records if kind == record.RECORD_TYPE]
        found |= Q(record_type=kind, record_id__in=keys)
    return TimelineEntry.objects.filter(found, action=ACTION, at__gt=clock.now() - NOT_AGAIN_WITHIN)
