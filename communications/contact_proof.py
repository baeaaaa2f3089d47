"""“Called” without a call: a partner's record past its first stage of which no call and no message is kept (PART-4).

A partner says that the client was contacted by moving the record; whether it was, a call or a letter tells.
"""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.apps import apps
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from communications.models import Call, Message
from crm import pipelines
from crm.models import Activity, RecordType, Stage

# What proves that somebody spoke with the client.
PROOFS: tuple[tuple[Any, dict[str, Any]], ...] = (
    (Call, {"is_missed": False}),
    (Message, {"is_automatic": False}),
    (Activity, {"kind": Activity.Kind.CALL, "done_at__isnull": False}),
)


def contacted_stages(record_type: str) -> list[str]:
    """The stages of partners at which the client counts as contacted: past the first one, and not lost."""
    return [
        stage.key
        for stage in pipelines.all_stages()
        if stage.pipeline.is_partner
        and stage.pipeline.record_type == record_type
        and not stage.is_start
        and stage.kind in {Stage.Kind.OPEN, Stage.Kind.SUCCESS}
    ]


def unrecorded(record_type: str) -> Q:
    """Leads or deals of partners said to be contacted, of which neither call nor message is kept, nor of their lead."""
    found = Q(partner__isnull=False, stage__in=contacted_stages(record_type))
    for model, only in PROOFS:
        own = model.objects.filter(record_type=record_type, record_id=OuterRef("pk"), **only)
        found &= ~Q(Exists(own.order_by()))
        if record_type == RecordType.DEAL:
            leads = apps.get_model("leads.Lead")._default_manager.filter(deal=OuterRef(OuterRef("pk"))).order_by()
            kept = model.objects.filter(record_type=RecordType.LEAD, record_id__in=leads.values("pk"), **only)
            found &= ~Q(Exists(kept.order_by()))
    return found


class ContactProofFilter(filters.FilterSet):
    """For lists of leads and deals: only those said to be contacted without a trace of it."""

    record_type: str

    unrecorded = filters.BooleanFilter(method="by_proof", label=_("Contacted without a call or message"))

    def by_proof(self, queryset: Any, _name: str, value: bool) -> Any:
        """As the board of control counts them."""
        return queryset.filter(unrecorded(self.record_type)) if value else queryset
