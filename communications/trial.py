"""What would become of a post: everything is done as for a real one, shown, and taken back in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation

from communications import processing
from communications.channels.webform.transport import Parsed
from communications.models import WebForm
from communications.reading import check_request, request_of
from crm import events
from crm.actors import Actor
from crm.errors import DomainError
from crm.models import Event, TimelineEntry
from crm.settings_audit import require_head
from crm.timeline import sentence

MAX_EVENTS = 100


@dataclass
class Trial:
    """The lead that would be made (unsaved, as it would stand), its way, or why there would be none."""

    lead: Any = None
    error: str = ""
    problems: list[Any] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """As the API tells it."""
        lead = self.lead
        if lead is None:
            return {"lead": None, "error": self.error, "problems": self.problems, "steps": self.steps}
        names = ("title", "name", "phone", "email", "company_name", "city", "region", "address", "request_text")
        shown = {name: getattr(lead, name) for name in names}
        shown |= {
            name: str(value) for name in ("length", "width", "area") if (value := getattr(lead, name)) is not None
        }
        shown |= {"source": lead.source_id, "channel": lead.channel, "stage": lead.stage, "is_repeat": lead.is_repeat}
        shown |= {"stage_name": lead.stage_row.name, "responsible": str(lead.responsible or "")}
        shown |= {name: value for name in ("utm_source", "utm_campaign") if (value := getattr(lead, name))}
        return {"lead": shown, "error": "", "problems": self.problems, "steps": self.steps}


def submission_try(form: WebForm, parsed: Parsed, *, by: Any) -> Trial:
    """Make the lead, let the rules act on it, look at it, and roll all of it back: no lead and no letter stay."""
    require_head(by)
    trial = Trial()
    request = request_of(form, Parsed(parsed.pairs))
    trial.problems = list(request.problems)
    try:
        with transaction.atomic(), translation.override(settings.LANGUAGE_CODE):
            check_request(request, parsed)
            lead = processing.maker()(request, by=Actor.form(form.name))
            _run_rules(lead)
            rows: Any = type(lead)._default_manager
            fresh = rows.select_related("source", "purpose", "responsible").get(pk=lead.pk)
            trial.lead = fresh
            entries = TimelineEntry.objects.filter(record_type=fresh.RECORD_TYPE, record_id=fresh.pk).order_by("pk")
            trial.steps = [text for entry in entries if (text := sentence(entry).strip())]
            transaction.set_rollback(True)
    except DomainError as error:
        trial.error, trial.problems = error.message, [*error.errors]
    return trial


def _run_rules(lead: Any) -> None:
    """The handlers of the lead's own events, which otherwise wait for the commit."""
    mine = Event.objects.select_related("actor_user").filter(record_type=lead.RECORD_TYPE, record_id=lead.pk)
    last = 0
    for _number in range(MAX_EVENTS):
        event = mine.filter(pk__gt=last).order_by("pk").first()
        if event is None:
            return
        last = event.pk
        events.dispatch(event.pk, event)
