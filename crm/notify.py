"""Telling people of what others did: which events by which channel each wants to hear, and the lines that come of it.

Nobody is told of their own doing. What comes in a burst is one item: the first row of a kind carries the others.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import identity
from accounts.models import User
from crm import clock, events
from crm.actors import Actor
from crm.models import Event, Notification, RecordType, StagedRecord
from crm.prepared import MOMENT, NUMBER, TEXT, Prepared
from crm.rows import row
from crm.together import together

KINDS: dict[str, Any] = {
    "responsible": gettext_lazy("A lead or a deal became mine"),
    "task": gettext_lazy("Somebody gave me a task"),
    "client": gettext_lazy("My client wrote, called or filled in a form"),
    "note": gettext_lazy("Somebody wrote a note on my record"),
    "stage": gettext_lazy("My record was moved by somebody else"),
    "partner": gettext_lazy("A partner has won my deal"),
    "message": gettext_lazy("A letter of mine did not leave"),
    "silence": gettext_lazy("A record stands still"),
    "robot": gettext_lazy("A robot tells me something"),
}
CHANNELS: dict[str, Any] = {"bell": gettext_lazy("Bell"), "email": gettext_lazy("E-mail")}
SHIPPED: dict[str, list[str]] = {kind: [] if kind == "stage" else ["bell"] for kind in KINDS}
BURST = timedelta(minutes=1)
LONGEST_BURST = timedelta(minutes=10)
MAIL_PAUSE = timedelta(minutes=2)


# -- what a person wants to hear --------------------------------------------------------------------------------------


def channels_of(user: User) -> dict[str, list[str]]:
    """Channels by kind of event, as chosen or as shipped."""
    chosen = user.notification_settings.get("channels", {})
    return {kind: [name for name in CHANNELS if name in chosen.get(kind, SHIPPED[kind])] for kind in KINDS}


def quiet_hours(user: User) -> tuple[time, time] | None:
    """From when to when no letters are sent, in the person's own time zone; None without quiet hours."""
    kept = user.notification_settings.get("quiet")
    return (time.fromisoformat(kept[0]), time.fromisoformat(kept[1])) if kept else None


def quiet_until(user: User, moment: datetime) -> datetime | None:
    """The end of the quiet hours that `moment` falls into; None when it falls into none."""
    hours = quiet_hours(user)
    if hours is None:
        return None
    begin, end = hours
    local = moment.astimezone(zoneinfo.ZoneInfo(user.time_zone))
    over_night = begin > end
    at = local.time()
    inside = at >= begin or at < end if over_night else begin <= at < end
    if not inside:
        return None
    day = local.date() + timedelta(days=1) if over_night and at >= begin else local.date()
    return datetime.combine(day, end, tzinfo=local.tzinfo)


@together
def settings_change(
    user: User, *, channels: Mapping[str, list[str]], quiet_from: time | None, quiet_to: time | None
) -> User:
    """Keep what a person wants to hear; ValidationError names a wrong kind, channel, or half of the quiet hours."""
    for kind, names in channels.items():
        if kind not in KINDS or set(names) - set(CHANNELS):
            raise ValidationError({"channels": _("There is no such event or channel: %(name)s.") % {"name": kind}})
    if (quiet_from is None) != (quiet_to is None):
        missing = "quiet_from" if quiet_from is None else "quiet_to"
        raise ValidationError({missing: _("Give both ends of the quiet hours, or none.")})
    if quiet_from is not None and quiet_from == quiet_to:
        raise ValidationError({"quiet_to": _("Quiet hours end at another time than they begin.")})
    locked = User.objects.select_for_update().get(pk=user.pk)
    kept: dict[str, Any] = {"channels": channels_of(locked) | {kind: list(names) for kind, names in channels.items()}}
    if quiet_from is not None and quiet_to is not None:
        kept["quiet"] = [f"{quiet_from:%H:%M}", f"{quiet_to:%H:%M}"]
    locked.notification_settings = kept
    locked.save(update_fields=["notification_settings"])
    return locked


# -- telling ----------------------------------------------------------------------------------------------------------


def is_worth_telling(record_type: str, data: Mapping[str, Any]) -> bool:
    """Leads and deals are work to be done; clients and objects only follow them."""
    return record_type in {RecordType.LEAD, RecordType.DEAL}


def tell_new_responsible(event: Event) -> None:
    """Handler: whoever has become responsible for a record is told, unless they took it themselves."""
    record = event.record
    if record is None or record.deleted_at is not None or record.responsible_id == event.actor_user_id:
        return
    tell(record.responsible_id, record, "responsible", "responsible", event.data, by=Actor.system())


@together
# The bell of one person is rung by what another does.
@identity.as_system()
def tell(
    user_id: int | None, record: StagedRecord, kind: str, action: str, data: Mapping[str, Any], *, by: Any
) -> Notification | None:
    """Tell a person of something on a record, by the channels they chose; `action` is a sentence of the timeline.

    None where there is nobody to tell, where they did it themselves, want no such thing, or a merge is under way.
    """
    doer = Actor.of(by).user
    if user_id is None or events.is_silent() or (doer is not None and doer.pk == user_id):
        return None
    # Not locked: people told of in different order by two transactions would block each other. Bursts that begin in
    # the same instant are then two items instead of one, and nothing is lost.
    person = row(User, user_id)
    if person is None or not person.is_active or not (channels := channels_of(person)[kind]):
        return None
    now = clock.now()
    head = _burst(person, kind, now)
    told = Notification.objects.create(
        user=person,
        record_type=record.RECORD_TYPE,
        record_id=record.pk,
        kind=kind,
        action=action,
        data=dict(data),
        group=head,
        in_bell="bell" in channels,
        mail_at=now + MAIL_PAUSE if "email" in channels and head is None else None,
        created_at=now,
        last_at=now,
    )
    if head is not None:
        due = {"mail_at": now + MAIL_PAUSE} if head.mail_at else {}
        Notification.objects.filter(pk=head.pk).update(last_at=now, **due)
    return told


_HEADS = Prepared(
    lambda user, kind, last, first: Notification.objects.filter(
        user=user, kind=kind, group__isnull=True, read_at__isnull=True, last_at__gte=last, created_at__gte=first
    ).order_by("-last_at")[:1],
    NUMBER,
    TEXT,
    MOMENT,
    MOMENT,
)


def _burst(person: User, kind: str, now: datetime) -> Notification | None:
    """The unread first row of what is still coming in."""
    return _HEADS.first(person.pk, kind, now - BURST, now - LONGEST_BURST)
