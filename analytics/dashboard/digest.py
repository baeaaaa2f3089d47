"""The weekly letter: a person's tiles over the last seven days, with links to the lists, once a week, by the outbox.

Its row of the outbox has a key of the person and the week: whatever the number of workers, and whenever one of them is
killed, there is one letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode, urljoin

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from analytics.dashboard import services
from analytics.dashboard.tile import Number, board_between
from analytics.models import DigestChoice
from analytics.query import Period
from analytics.reports.report import Part
from communications.colleagues import letter_to_person
from communications.models import Message
from crm import clock, scope
from crm.templatetags.ui import day

log = structlog.get_logger(__name__)

WEEK = timedelta(days=7)
# What nothing came to write for so long is left for the next week.
TOO_LATE = timedelta(hours=24)
MOST_ROWS = 12


@dataclass
class Digest:
    """The letter as it leaves."""

    subject: str
    text: str
    html: str


def choice_of(user: User) -> DigestChoice:
    """What a person has said, or what their role has: heads get the letter on Monday at nine."""
    return DigestChoice.objects.filter(user=user).first() or _of_role(user)


def _of_role(user: User) -> DigestChoice:
    return DigestChoice(user=user, is_on=user.is_head)


@transaction.atomic
def choice_change(user: User, **columns: Any) -> DigestChoice:
    """Keep whether a person gets the letter (is_on), on which weekday (Monday is 1) and at which hour.

    ValidationError for a day or an hour that is none.
    """
    choice = choice_of(user)
    for name, value in columns.items():
        setattr(choice, name, value)
    choice.full_clean(exclude=["user"], validate_unique=False)
    choice.save()
    return choice


def latest_moment(choice: DigestChoice, now: datetime) -> datetime:
    """The last time before `now` that the letter was to leave, on the company's clock."""
    zone = clock.company_zone()
    today = now.astimezone(zone).date()
    last = today - timedelta(days=(today.isoweekday() - choice.weekday) % 7)
    moment = datetime.combine(last, time(choice.hour), zone)
    return moment if moment <= now else datetime.combine(last - WEEK, time(choice.hour), zone)


def week_before(today: date) -> Period:
    """The seven whole days before a day."""
    return Period(today - WEEK, today - timedelta(days=1))


def queue_due() -> int:
    """Put the letters that are due into the outbox; answers how many. Safe to run in many workers at once."""
    now, due = clock.now(), {}
    choices = DigestChoice.objects.in_bulk()
    for user in User.objects.filter(is_active=True).exclude(email="").select_related("partner", "team"):
        choice = choices.get(user.pk) or _of_role(user)
        moment = latest_moment(choice, now)
        if choice.is_on and now - moment < TOO_LATE:
            due[_key(user, moment)] = (user, moment)
    known = set(Message.objects.filter(key__in=due).values_list("key", flat=True))
    return sum(_queue(key, *due[key]) for key in due if key not in known)


def _key(user: User, moment: datetime) -> str:
    """One letter in a week from Monday to Sunday, also where the day is changed within it."""
    monday = moment.date() - timedelta(days=moment.weekday())
    return f"digest:{user.pk}:{monday:%Y%m%d}"


def _queue(key: str, user: User, moment: datetime) -> int:
    """Write one letter; what cannot be counted for one person holds up nobody else and is tried at the next tick."""
    try:
        with scope.opened():
            made = written(user, week_before(moment.date()))
        with transaction.atomic():
            letter_to_person(user, subject=made.subject, text=made.text, html=made.html, key=key)
    except IntegrityError:
        return 0  # another worker was quicker
    except Exception:
        log.exception("digest_not_written", user_id=user.pk)
        return 0
    return 1


def written(user: User, period: Period) -> Digest:
    """The letter to a person about some days, in their language: what they may see and nothing else."""
    with translation.override(user.language):
        span = {"start": day(period.start), "end": day(period.end)}
        context = _content(user, period) | {"subject": _("Your figures for %(start)s – %(end)s") % span}
        text = render_to_string("emails/digest.txt", context)
        html = render_to_string("emails/digest.html", context)
        return Digest(context["subject"], text.strip() + "\n", html)


def _content(user: User, period: Period) -> dict[str, Any]:
    shown = services.shown(board_between(user, period))
    asked = {"period": "custom", "from": period.start.isoformat(), "to": period.end.isoformat()}
    return {
        "person": user,
        "numbers": [
            {"name": item.tile.name, "shown": item.made.shown, "note": item.made.note, "url": _url(item.made.url)}
            for item in shown
            if isinstance(item.made, Number)
        ],
        "parts": [_part(item.tile.name, item.made) for item in shown if isinstance(item.made, Part) and item.made.rows],
        "page_url": _url(f"{reverse('analytics:dashboard')}?{urlencode(asked)}"),
        "choice_url": _url(reverse("analytics:digest")),
    }


def _part(name: Any, part: Part) -> dict[str, Any]:
    """The first rows of a table, each figure with its whole address."""
    table = part.table
    rows = [
        {"label": row["label"], "cells": [cell | {"url": _url(cell["url"])} for cell in row["cells"]]}
        for row in table["rows"][:MOST_ROWS]
    ]
    return {"name": name, "columns": table["columns"][1:], "rows": rows, "rest": len(table["rows"]) - len(rows)}


def _url(path: str) -> str:
    return urljoin(settings.PUBLIC_URL, path) if path else ""
