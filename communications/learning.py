"""Field names that a site made up: what came under them, what they mean, and earlier posts read anew after that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction

from communications import calling
from communications.channels.webform.names import is_system, meaning_of
from communications.channels.webform.transport import parse
from communications.models import Submission, WebForm
from communications.reading import request_of
from communications.requests import LeadRequest
from communications.web_forms import names_of, web_form_change
from crm import clock
from crm.actors import Actor
from crm.normalize import one_line
from crm.settings_audit import require_head

LOOKED_AT = 200
SAMPLES = 3
READ_AGAIN_WITHIN = timedelta(days=30)
READ_AGAIN = 200

Filler = Callable[..., list[str]]
_filler: list[Filler] = []


def filled_by(filler: Filler) -> None:
    """Register who fills in what a lead lacks: filler(lead_id, request, *, by) answers the fields."""
    _filler[:] = [filler]


@dataclass
class SeenField:
    """A field name of a form's posts: some values, how often it came, what it is taken for and what was said of it."""

    name: str
    guess: str
    chosen: str = ""
    count: int = 0
    samples: list[str] = field(default_factory=list)


def fields_seen(form: WebForm) -> list[SeenField]:
    """The field names in a form's latest posts, those that nobody understands first."""
    found: dict[str, SeenField] = {}
    rows = (
        Submission.objects.filter(form=form).exclude(state=Submission.State.DUPLICATE).order_by("-received_at", "-id")
    )
    known = names_of(form)
    for pairs in rows.values_list("fields", flat=True)[:LOOKED_AT]:
        for name, value in (pair for pair in pairs if len(pair) == 2):
            if not name or is_system(name):
                continue
            seen = found.get(name) or SeenField(name, meaning_of(name, {}), known.get(name, ""))
            found[name] = seen
            seen.count += 1
            sample = one_line(str(value)[:200], 60)
            if sample and sample not in seen.samples and len(seen.samples) < SAMPLES:
                seen.samples.append(sample)
    for name in known.keys() - found.keys():
        found[name] = SeenField(name, meaning_of(name, {}), known[name])
    return sorted(found.values(), key=lambda seen: (bool(seen.chosen or seen.guess), -seen.count, seen.name))


def field_meanings_set(form: WebForm, *, meanings: dict[str, str], by: Any) -> WebForm:
    """Remember what fields are; an empty meaning forgets what was said of the name."""
    said = {name: meaning for name, meaning in {**form.field_map, **meanings}.items() if meaning}
    return web_form_change(form, data={"field_map": said}, by=by)


@dataclass(frozen=True)
class ReadAgain:
    """What became of reading earlier posts anew: how many wait for their lead now, how many leads were completed."""

    queued: int = 0
    completed: int = 0


@transaction.atomic
def posts_read_again(form: WebForm, *, by: Any) -> ReadAgain:
    """Read the posts of the last 30 days as the form says now.

    Those that needed attention are processed again by a worker; of the open leads made before, only what is empty
    is filled in.
    """
    require_head(by)
    since = clock.now() - READ_AGAIN_WITHIN
    posts = Submission.objects.filter(form=form, received_at__gte=since)
    failed = posts.filter(state=Submission.State.FAILED, duplicate_of=None)
    queued = failed.update(state=Submission.State.RECEIVED, attempts=0, claimed_at=None, error="", problems=[])
    if queued:
        transaction.on_commit(calling.call_worker, robust=True)
    completed = 0
    for post in posts.filter(state=Submission.State.DONE, lead_id__isnull=False).order_by("-received_at")[:READ_AGAIN]:
        request: LeadRequest = request_of(form, parse(bytes(post.body), post.content_type))
        completed += bool(_filler and _filler[0](post.lead_id, request, by=Actor.of(by)))
    return ReadAgain(queued, completed)
