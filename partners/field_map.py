"""What a partner is given of a record that is handed over, field by field (PART-2).

Every column of a lead and a deal stands in exactly one list; a test fails for one in none, so that a new column is
not given away by chance.
"""

from __future__ import annotations

from crm.models import ATTRIBUTION_FIELDS, RecordType
from objects_registry.models import BUILDING_FIELDS

FLAGS = tuple(name for name in BUILDING_FIELDS if name.endswith("_is_manual"))
BUILDING = tuple(name for name in BUILDING_FIELDS if name not in FLAGS)

# Who the client is, what is to be built where, and what was asked for.
HANDED: dict[str, tuple[str, ...]] = {
    RecordType.LEAD: (
        "title", "name", "company_name", "inn", "phone", "email", "messages_consent", "request_text", "contact",
        "company", "object", *BUILDING,
    ),
    RecordType.DEAL: ("title", "contact", "company", "object", "request_text", "currency", *BUILDING),
}  # fmt: skip

# Each side has its own: the way through the pipeline, the people, the next step, what is computed.
OWN: frozenset[str] = frozenset(
    {
        "stages_seen", "lost_from", "requested_at",
        "id", "pipeline", "stage", "stage_entered_at", "closed_at", "refusal_reason", "refusal_comment", "responsible",
        "created_by", "created_at", "updated_at", "last_activity_at", "next_activity_at", "next_activity_title",
        "version", "search_text", "deleted_at", "merged_into", "partner", "origin", "title_is_manual",
        "amount_is_manual", "phone_original", "email_original", "name_key", "company_key", *FLAGS,
    }
)  # fmt: skip

# The manufacturer's alone: what it paid for the request, its own price and contract, how it came to the record.
KEPT: dict[str, frozenset[str]] = {
    RecordType.LEAD: frozenset(
        {
            *ATTRIBUTION_FIELDS, "amount", "is_repeat", "duplicate_object", "duplicate_is_certain", "missing_minimum",
            "deal", "tags", "mother_deal", "copy_set", "upsell_by",
        }
    ),
    RecordType.DEAL: frozenset(
        {
            *ATTRIBUTION_FIELDS, "amount", "expected_close_date", "contract_number", "contract_date", "competitor",
            "competitor_price", "feedback_product", "feedback_partner", "feedback_text", "tags", "mother", "copy_set",
            "upsell_by",
        }
    ),
}  # fmt: skip

# What the manufacturer's deal takes over when the partner has won.
BROUGHT_BACK = ("amount", "contract_number", "contract_date", "feedback_product", "feedback_partner", "feedback_text")
