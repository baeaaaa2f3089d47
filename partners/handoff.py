"""Handing a lead or deal over to a partner and taking it back (PART-2): the partner works on a twin of the record.

The manufacturer's record is never closed by it: a deal stands at «В работе у Партнёров», a lead stays where it is.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Partner, Role, User
from crm import clock, timeline, working_time
from crm.actors import Actor
from crm.contact_points import Point, add_points, points_of
from crm.errors import DomainError, InvalidInput
from crm.models import ActorKind, Attachment, RecordType, Stage, record_model
from crm.normalize import looks_like_placeholder
from crm.prepared import NUMBER, TEXT, Prepared
from crm.services import activity_create, record_create
from crm.stages import move
from crm.together import apart
from deals.stages import AT_PARTNER, RESUMED
from partners.field_map import HANDED
from partners.models import Handoff
from partners.rights import require_hander, require_recaller
from partners.stages import BY_KIND
from partners.withdrawal import take_back

FIRST_CALL = timedelta(hours=4)  # working hours
MEMO = "_handoffs"
_ACTIVE = Prepared(
    lambda kind, pk: Handoff.objects.filter(record_type=kind, record_id=pk, state=Handoff.State.ACTIVE), TEXT, NUMBER
)
_ALL = Prepared(lambda kind, pk: Handoff.objects.filter(record_type=kind, record_id=pk).order_by("pk"), TEXT, NUMBER)


class HandoffError(DomainError):
    """A hand-over, or its end, that cannot be; nothing was changed."""

    code = "handoff_refused"
    status = 409


def on_behalf(by: Any) -> Actor:
    """The same author, but acting as the product: their hand-over reaches records that are out of their own sight."""
    actor = Actor.of(by)
    return Actor(ActorKind.SYSTEM, actor.user, actor.name) if actor.is_person else actor


def active_handoff(record: Any) -> Handoff | None:
    """The hand-over under which a record of the manufacturer is with a partner now."""
    found: Handoff | None = _ACTIVE.first(record.RECORD_TYPE, record.pk)
    return found


def remembered_handoffs(record: Any) -> list[Handoff]:
    """All hand-overs of a record of the manufacturer, the oldest first; read once per instance.

    The menu of moves asks for every stage, and a card asks for the lines and the files that both sides share.
    """
    if MEMO not in record.__dict__:
        record.__dict__[MEMO] = _ALL.all(record.RECORD_TYPE, record.pk)
    found: list[Handoff] = record.__dict__[MEMO]
    return found


def remembered_handoff(record: Any) -> Handoff | None:
    """The hand-over under which the record is with a partner now, as the instance remembers it."""
    active = (handoff for handoff in remembered_handoffs(record) if handoff.state == Handoff.State.ACTIVE)
    return next(active, None)


@apart
def hand_over(*, record: Any, partner: Partner, by: Any, comment: str = "", responsible: User | None = None) -> Handoff:
    """Give a lead or deal of the manufacturer to a partner; answers the hand-over, its twin is made.

    Raises HandoffError where the record or the partner cannot take part, DoesNotExist for whoever does not see the
    record, PermissionDenied for whoever may not hand it over.
    """
    actor = Actor.of(by)
    locked = type(record)._default_manager.alive().select_for_update(of=("self",)).get(pk=record.pk)
    require_hander(actor, locked)
    handoff = _start(locked, partner, actor, comment, responsible)
    record.refresh_from_db()
    record.__dict__.pop(MEMO, None)
    return handoff


@apart
def recall(*, handoff_id: int, by: Any, reason: str) -> Handoff:
    """Take a record back from a partner: the twin is set aside, the manufacturer's deal is at work again.

    What control takes back it may hand to another partner, as long as nobody moves it.
    """
    actor = Actor.of(by)
    handoff = _locked(handoff_id, actor)
    origin = _end(handoff, actor, reason)
    if origin.RECORD_TYPE == RecordType.DEAL and origin.stage_row.code == AT_PARTNER:
        move(origin, RESUMED, by=on_behalf(actor), reason=handoff.end_reason, override=True)
    if actor.is_person and actor.user is not None and actor.user.role == Role.PARTNER_CONTROL:
        wait_for_control(handoff, origin)
    return handoff


@apart
def hand_on(
    *,
    handoff_id: int,
    partner: Partner,
    by: Any,
    reason: str,
    comment: str = "",
    responsible: User | None = None,
) -> Handoff:
    """Take a record back and give it to another partner in one step; answers the new hand-over."""
    actor = Actor.of(by)
    handoff = _locked(handoff_id, actor)
    if handoff.partner_id == partner.pk:
        raise HandoffError(_("It is with «%(partner)s» already.") % {"partner": partner})
    origin = _end(handoff, actor, reason)
    return _start(origin, partner, actor, comment, responsible)


# -- beginning --------------------------------------------------------------------------------------------------------


def _start(record: Any, partner: Partner, actor: Actor, comment: str, responsible: User | None) -> Handoff:
    _check_record(record)
    person = receiver(partner, responsible)
    twin = make_twin(record, partner, person, actor)
    handoff = Handoff.objects.create(
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        partner=partner,
        twin_id=twin.pk,
        stage_before=record.stage,
        comment=comment.strip(),
        handed_at=clock.now(),
        handed_by=actor.user,
    )
    Handoff.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk, waiting_since__isnull=False).update(
        waiting_since=None
    )
    told = {"partner": partner.name, "handoff": handoff.pk, "comment": handoff.comment}
    timeline.record(record, "handed_over", actor, {**told, "twin": twin.pk})
    timeline.record(twin, "received", actor, {"comment": handoff.comment})
    if record.RECORD_TYPE == RecordType.DEAL:
        move(record, AT_PARTNER, by=on_behalf(actor), reason=partner.name, override=True)
    activity_create(
        twin,
        title=_("Contact the client"),
        text=handoff.comment,
        due_at=working_time.of_company().after(clock.now(), FIRST_CALL, clock.company_zone()),
        responsible=person,
        by=actor,
        key=first_call_key(handoff),
    )
    return handoff


def first_call_key(handoff: Handoff) -> str:
    """The key of the task to contact the client, which the partner's own move to that stage completes."""
    return f"first_call:{handoff.pk}"


def _check_record(record: Any) -> None:
    if record.RECORD_TYPE not in BY_KIND or record.partner_id is not None:
        raise HandoffError(_("Only the manufacturer's own leads and deals are handed over."))
    if not record.is_open:
        raise HandoffError(_("«%(record)s» is finished; reopen it first.") % {"record": record})
    if (known := active_handoff(record)) is not None:
        text = _("«%(record)s» is with the partner «%(partner)s» already; recall it first.")
        raise HandoffError(text % {"record": record, "partner": known.partner})


def receiver(partner: Partner, responsible: User | None = None) -> User:
    """Who of the partner gets the record: the person named, or its first active user."""
    current = Partner.objects.select_for_update().get(pk=partner.pk)
    if current.state != Partner.State.ACTIVE:
        text = _("The partner «%(partner)s» is «%(state)s» and is given no new records.")
        raise HandoffError(text % {"partner": current, "state": current.get_state_display()})
    people = current.users.filter(is_active=True).order_by("pk")
    if responsible is not None:
        people = people.filter(pk=responsible.pk)
    person = people.first()
    if person is None:
        raise HandoffError(_("The partner «%(partner)s» has no such active user.") % {"partner": current})
    return person


def make_twin(record: Any, partner: Partner, person: User, actor: Actor) -> Any:
    """The partner's record with what a partner is given: fields, phones and e-mails, files that are not internal."""
    data = {name: getattr(record, name) for name in HANDED[record.RECORD_TYPE]}
    twin = record_create(
        type(record),
        data={**data, "responsible": person},
        by=on_behalf(actor),
        pipeline=BY_KIND[record.RECORD_TYPE],
        partner=partner,
        origin=record,
    )
    if record.RECORD_TYPE == RecordType.LEAD:
        points = [Point(item.kind, item.value, item.original, item.extension) for item in points_of(record)]
        add_points(twin, points)
    copy_files(record, twin)
    return twin


def copy_files(source: Any, target: Any) -> None:
    """The files of a record that are not internal, as files of another; the content is stored once."""
    copies = []
    for item in Attachment.objects.filter(
        record_type=source.RECORD_TYPE, record_id=source.pk, is_internal=False
    ).order_by("pk"):
        item.pk, item._state.adding = None, True
        item.record_type, item.record_id = target.RECORD_TYPE, target.pk
        copies.append(item)
    Attachment.objects.bulk_create(copies)


# -- ending -----------------------------------------------------------------------------------------------------------


def _locked(handoff_id: int, actor: Actor) -> Handoff:
    handoff = Handoff.objects.select_for_update(of=("self",)).select_related("partner").get(pk=handoff_id)
    require_recaller(actor, handoff)
    if handoff.state != Handoff.State.ACTIVE:
        raise HandoffError(_("This hand-over is over already."))
    return handoff


def _end(handoff: Handoff, actor: Actor, reason: str) -> Any:
    """Finish a hand-over from the manufacturer's side; answers the manufacturer's record, locked."""
    clean = reason.strip()
    if not clean or looks_like_placeholder(clean):
        raise InvalidInput(
            _("Write why the record is taken back."),
            errors=[{"pointer": "/reason", "code": "required", "message": _("Write why the record is taken back.")}],
        )
    model: Any = record_model(handoff.record_type)
    twin = model._default_manager.select_for_update(of=("self",)).get(pk=handoff.twin_id)
    if twin.stage_row.kind == Stage.Kind.SUCCESS:
        raise HandoffError(_("The partner has finished this record already."))
    finish(handoff, Handoff.State.RECALLED, clean)
    origin = model._default_manager.select_for_update(of=("self",)).get(pk=handoff.record_id)
    timeline.record(twin, "taken_back", actor, {"reason": clean})
    take_back(twin, origin=origin, by=on_behalf(actor), reason=clean)
    timeline.record(origin, "recalled", actor, {"partner": handoff.partner.name, "reason": clean})
    return origin


def finish(handoff: Handoff, state: str, reason: str = "") -> None:
    """Write how and when a hand-over ended."""
    handoff.state, handoff.ended_at, handoff.end_reason = state, clock.now(), reason
    handoff.save(update_fields=["state", "ended_at", "end_reason"])


def wait_for_control(handoff: Handoff, origin: Any) -> None:
    """Let control see the manufacturer's record that came back, until it moves on or is handed over again (PART-4)."""
    if origin.is_open:
        handoff.waiting_since = origin.stage_entered_at
        handoff.save(update_fields=["waiting_since"])
