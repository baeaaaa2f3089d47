"""What goes out of a partner's record when it is taken back: all that leads to the client (PART-4, ACC-1).

The values are taken out of the record itself. Whatever shows, finds, filters, exports or answers has nothing left to
show, and no page or call has to remember to hide it. What stood there is in the audit trail, and the manufacturer's
record has it. Every column of a lead and a deal stands in exactly one list; a test fails for one in none.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Field
from django.utils import translation
from django.utils.translation import gettext as _

from crm import events
from crm.actors import Actor
from crm.contact_points import Point, add_points, points_of, refresh_columns
from crm.models import ATTRIBUTION_FIELDS, ContactPoint, RecordType
from crm.services import activities_cancel, record_update
from crm.stages import move
from crm.titles import title_value
from leads.models import Lead
from objects_registry.building import number
from objects_registry.models import BUILDING_FIELDS
from partners.stages import RECALLED

PLACE = ("address", "city")
# Who the client is, how to reach them, where they build, and what they wrote.
TAKEN: dict[str, tuple[str, ...]] = {
    RecordType.LEAD: (
        "title", "name", "company_name", "inn", "phone", "email", "phone_original", "email_original", "request_text",
        "contact", "company", "object", *PLACE,
    ),
    RecordType.DEAL: ("title", "contact", "company", "object", "request_text", *PLACE),
}  # fmt: skip
# What is derived from them and empties with them.
FOLLOWS: dict[str, frozenset[str]] = {
    RecordType.LEAD: frozenset({"name_key", "company_key"}),
    RecordType.DEAL: frozenset(),
}
# Columns that no form sets.
SERVICE_COLUMNS: dict[str, dict[str, Any]] = {
    RecordType.LEAD: {"duplicate_object": None, "duplicate_is_certain": False},
    RecordType.DEAL: {},
}
# The partner's own work, and what says nothing of the client.
STAYS: frozenset[str] = frozenset(
    {
        *ATTRIBUTION_FIELDS, *(name for name in BUILDING_FIELDS if name not in PLACE), "id", "pipeline", "stage",
        "stages_seen", "lost_from", "requested_at",
        "stage_entered_at", "closed_at", "refusal_reason", "refusal_comment", "responsible", "created_by", "created_at",
        "updated_at", "last_activity_at", "next_activity_at", "next_activity_title", "version", "search_text",
        "deleted_at", "merged_into", "partner", "origin", "title_is_manual", "amount", "amount_is_manual", "currency",
        "messages_consent", "is_repeat", "missing_minimum", "deal", "tags", "mother_deal", "mother", "copy_set",
        "upsell_by", "expected_close_date", "contract_number", "contract_date", "competitor", "competitor_price",
        "feedback_product", "feedback_partner", "feedback_text",
    }
)  # fmt: skip


def take_back(twin: Any, *, origin: Any, by: Any, reason: str) -> None:
    """Set a partner's record aside and take the way to the client out of it; the leads it came from go with it.

    Phones and e-mails that only the partner knew go to the manufacturer's lead; the partner's open tasks are
    cancelled. `by` acts on behalf of the product. Called in the transaction of a recall.
    """
    for record in (twin, *_leads_of(twin)):
        # Before the move, which would end the product's own tasks with a word that says less.
        activities_cancel(record, by=by, result=_("Cancelled: the manufacturer took the record back."))
        if record.stage_row.code != RECALLED:
            move(record, RECALLED, by=by, reason=reason, override=True)
        if record.RECORD_TYPE == RecordType.LEAD and origin.RECORD_TYPE == RecordType.LEAD:
            points = [Point(row.kind, row.value, row.original, row.extension) for row in points_of(record)]
            add_points(origin, points)
        withdraw(record, by=by)


def withdraw(record: Any, *, by: Actor) -> None:
    """Empty what tells of the client; the title says what is built instead."""
    names = TAKEN[record.RECORD_TYPE]
    data = {name: _empty(record._meta.get_field(name)) for name in names}
    data["title"] = public_title(record)
    with events.silence():
        record_update(record, data=data, by=by, **SERVICE_COLUMNS[record.RECORD_TYPE])
        points = ContactPoint.objects.filter(record_type=record.RECORD_TYPE, record_id=record.pk)
        if points.exists():
            points.delete()
            refresh_columns(record, overwrite=True)


def public_title(record: Any) -> str:
    """A title that tells the building and nobody's name: «Ангар 18×36», or the number where no size is known."""
    with translation.override(settings.LANGUAGE_CODE):
        sides = [title_value(number(record, name)) for name in ("length", "width")]
        parts = [str(record.purpose or ""), "×".join(sides) if all(sides) else ""]
        shown = " ".join(part for part in parts if part)
        return shown or _("Request № %(number)s") % {"number": record.pk}


def _leads_of(twin: Any) -> list[Lead]:
    """The partner's leads that became this deal."""
    if twin.RECORD_TYPE != RecordType.DEAL:
        return []
    return list(Lead.objects.filter(deal=twin, partner=twin.partner_id).select_for_update(of=("self",)))


def _empty(field: Field[Any, Any]) -> Any:
    return None if field.is_relation else ""
