"""«Это он»: a lead from an unknown number belongs to a client we know, and the way back (LEAD-12)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from crm import timeline
from crm.contact_points import add_points, refresh_columns
from crm.errors import DomainError, InvalidInput
from crm.models import Company, Contact, ContactPoint, TimelineEntry, record_model
from crm.services import record_update
from crm.together import apart
from leads.models import Lead
from leads.services import lead_points

LINKED, UNLINKED = "client_linked", "client_unlinked"


class NotLinked(DomainError):
    """There is no link that could be taken back; nothing was changed."""

    code = "not_linked"
    status = 409


@apart
def lead_link_client(lead: Lead, *, contact: Contact | None = None, company: Company | None = None, by: Any) -> Lead:
    """Attach a lead to a client we know: it becomes repeat, its phones and e-mails become the client's.

    Answers the lead as it is now: a rule may have moved the caller's instance meanwhile.
    """
    if contact is None and company is None:
        raise InvalidInput(
            _("Choose a contact or a company."),
            errors=[{"pointer": "/contact", "code": "required", "message": _("Choose a contact or a company.")}],
        )
    lead = Lead.objects.select_for_update(of=("self",)).get(pk=lead.pk)
    company = company or (contact.company if contact is not None else None)
    client: Any = contact or company
    before = {"contact": lead.contact_id, "company": lead.company_id, "is_repeat": lead.is_repeat}
    fresh = add_points(client, lead_points(lead))
    record_update(lead, data={"contact": contact, "company": company}, by=by, is_repeat=True)
    told = {"name": str(client), "points": [point.value for point in fresh]}
    memory = {"before": before, "client": [client.RECORD_TYPE, client.pk]}
    timeline.record(lead, LINKED, by, {**told, **memory})
    timeline.record(client, "lead_linked", by, {"title": lead.title, "id": lead.pk})
    return lead


@apart
def lead_unlink_client(lead: Lead, *, by: Any) -> Lead:
    """Take the last link back: the client loses the phones it got by it, the lead is as before; NotLinked otherwise."""
    lead = Lead.objects.select_for_update(of=("self",)).get(pk=lead.pk)
    entry = last_link(lead)
    if entry is None:
        raise NotLinked(_("This lead was not linked by hand, or somebody has changed its client since."))
    kind, pk = entry.data["client"]
    client: Any = record_model(kind)._default_manager.select_for_update(of=("self",)).filter(pk=pk).first()
    if client is not None:
        points = ContactPoint.objects.filter(record_type=kind, record_id=pk, value__in=entry.data["points"])
        if points.delete()[0]:
            refresh_columns(client, overwrite=True)
        timeline.record(client, UNLINKED, by, {"title": lead.title, "id": lead.pk})
    before = entry.data["before"]
    record_update(
        lead,
        data={"contact": before["contact"], "company": before["company"]},
        by=by,
        is_repeat=before["is_repeat"],
    )
    timeline.record(lead, UNLINKED, by, {"name": entry.data["name"]})
    return lead


def last_link(lead: Lead) -> TimelineEntry | None:
    """The line of the timeline that tells of the link which still holds, or None."""
    rows = TimelineEntry.objects.filter(record_type=lead.RECORD_TYPE, record_id=lead.pk, action__in=[LINKED, UNLINKED])
    entry = rows.order_by("-id").first()
    if entry is None or entry.action != LINKED or "client" not in entry.data or not lead.is_open:
        return None
    kind, pk = entry.data["client"]
    return entry if getattr(lead, f"{kind}_id") == pk else None
