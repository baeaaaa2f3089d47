"""Reading of partners and hand-overs; the user comes first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q, QuerySet

from accounts.models import Partner, Role, User
from crm import pipelines
from crm.models import RecordType, record_model
from crm.visibility import waiting_for_control
from partners.models import Handoff
from partners.stages import FEEDBACK, PARTNER_DEAL


def partners_for(user: User) -> QuerySet[Partner]:
    """The partners whose names a person may see: their own for a partner's user, all for the manufacturer's."""
    rows = Partner.objects.select_related("profile")
    if user.is_partner:
        return rows.filter(users=user)
    return rows.none() if user.role == Role.CALL_CENTER else rows


def partners_with_load(user: User) -> QuerySet[Any]:
    """The same with `open_leads` and `open_deals`, counted by the database."""
    open_keys = [stage.key for stage in pipelines.all_stages() if stage.is_open]
    living = {"deleted_at__isnull": True, "stage__in": open_keys}
    rows: QuerySet[Any] = partners_for(user)
    return rows.annotate(
        open_leads=Count("leads", filter=Q(**{f"leads__{k}": v for k, v in living.items()}), distinct=True),
        open_deals=Count("deals", filter=Q(**{f"deals__{k}": v for k, v in living.items()}), distinct=True),
        active_users=Count("users", filter=Q(users__is_active=True), distinct=True),
    )


def partners_to_choose(user: User) -> QuerySet[Partner]:
    """To whom a record can be handed over: active ones with somebody to receive it."""
    if user.is_partner or user.role == Role.CALL_CENTER:
        return Partner.objects.none()
    return Partner.objects.filter(state=Partner.State.ACTIVE, users__is_active=True).distinct()


def handoffs_for(user: User) -> QuerySet[Handoff]:
    """Hand-overs of which the person may see the manufacturer's record or the twin."""
    rows = Handoff.objects.select_related("partner", "handed_by")
    if user.is_head:
        return rows
    found = Q(pk__in=[])
    for record_type in (RecordType.LEAD, RecordType.DEAL):
        seen = record_model(record_type)._default_manager.visible_to(user).order_by().values("pk")
        found |= Q(record_type=record_type) & (Q(record_id__in=seen) | Q(twin_id__in=seen))
    return rows.filter(found)


def handoffs_of(user: User, record: Any) -> list[Handoff]:
    """The hand-overs of a record of the manufacturer, or of a twin, newest first; a partner sees only its own."""
    rows = handoffs_for(user).filter(record_type=record.RECORD_TYPE)
    side = {"record_id": record.pk} if record.partner_id is None else {"twin_id": record.pk}
    return list(rows.filter(**side).order_by("-handed_at", "-pk"))


def handoffs_waiting(user: User) -> QuerySet[Handoff]:
    """The ended hand-overs whose record waits to be handed to another partner (PART-4), who waits longest first."""
    found = Q(pk__in=[])
    for record_type in (RecordType.LEAD, RecordType.DEAL):
        seen = record_model(record_type)._default_manager.visible_to(user).alive()
        waiting = seen.filter(waiting_for_control(record_type)).order_by().values("pk")
        found |= Q(record_type=record_type, record_id__in=waiting)
    rows = Handoff.objects.filter(found, waiting_since__isnull=False)
    return rows.select_related("partner").order_by("waiting_since", "pk")


def feedback_queue(user: User) -> QuerySet[Any]:
    """Partners' deals whose client is to be called after the sale and lacks a score, who waits longest first."""
    rows: Any = record_model(RecordType.DEAL)._default_manager
    found = rows.visible_to(user).alive().filter(stage=f"{PARTNER_DEAL}:{FEEDBACK}", partner__isnull=False)
    found = found.filter(Q(feedback_product__isnull=True) | Q(feedback_partner__isnull=True))
    related = ("contact", "company", "purpose", "responsible", "partner")
    return found.select_related(*related).order_by("stage_entered_at", "pk")  # type: ignore[no-any-return]


def comment_for(user: User, handoff: Handoff) -> str:
    """The words that went along with a hand-over; they tell of the client, so a recall takes them back too."""
    return "" if user.is_partner and handoff.state == Handoff.State.RECALLED else handoff.comment


def twin_of(user: User, handoff: Handoff) -> Any:
    """The partner's record of a hand-over, where the person may see it."""
    rows: Any = record_model(handoff.record_type)._default_manager
    return rows.visible_to(user).filter(pk=handoff.twin_id).first()


def twins_in_bulk(user: User, handoffs: Iterable[Handoff]) -> dict[tuple[str, int], Any]:
    """The partners' records of many hand-overs by (kind, id), one query per kind."""
    return _in_bulk(user, ((handoff.record_type, handoff.twin_id) for handoff in handoffs))


def origins_in_bulk(user: User, handoffs: Iterable[Handoff]) -> dict[tuple[str, int], Any]:
    """The manufacturer's records of many hand-overs, likewise."""
    return _in_bulk(user, ((handoff.record_type, handoff.record_id) for handoff in handoffs))


def _in_bulk(user: User, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Any]:
    wanted: dict[str, set[int]] = {}
    for kind, pk in keys:
        wanted.setdefault(kind, set()).add(pk)
    found = {}
    for record_type, ids in wanted.items():
        rows: Any = record_model(record_type)._default_manager
        for row in rows.visible_to(user).filter(pk__in=ids).select_related("responsible"):
            found[record_type, row.pk] = row
    return found
