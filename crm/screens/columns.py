"""Columns that the lists of several kinds of record have."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.screens.registry import Column
from crm.templatetags.ui import day, tint


def stage_name(row: Any) -> str:
    """The stage as a file names it."""
    return str(row.stage_row.name)


def tag_chips(row: Any) -> list[tuple[str, str]]:
    """Tags as a card of the board shows them; only where the board has read them along."""
    known = getattr(row, "_prefetched_objects_cache", {}).get("tags", ())
    return [(tag.name, tint(tag).removeprefix("c-")) for tag in known]


NUMBER = Column("number", _("Number"), ("id",), "number", lambda row: row.pk)
NEXT_STEP = Column(
    "next", _("Next step"), ("next_activity_at",), "next", lambda row: row.next_activity_title, shown=True
)
NEXT_DUE = Column("next_due", _("Next step due"), ("next_activity_at",), "moment", lambda row: row.next_activity_at)
RESPONSIBLE = Column(
    "responsible", _("Responsible"), ("responsible__last_name", "responsible__first_name"), "person",
    related=("responsible",), shown=True, fact="responsible",
)  # fmt: skip
SOURCE = Column("source", _("Source"), ("source",), related=("source",), fact="source")
TAGS = Column(
    "tags",
    _("Tags"),
    (),
    "tags",
    lambda row: ", ".join(tag.name for tag in row.tags.all()),
    prefetch=("tags",),
    fact="tags",
)
CREATED = Column(
    "created", _("Created"), ("created_at",), "moment", lambda row: row.created_at, cell=lambda row: day(row.created_at)
)
UTM_COLUMNS = tuple(
    Column(name, name) for name in ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
)
CLOSED_COLUMNS = (
    Column("refusal_reason", _("Refusal reason"), ("refusal_reason",), related=("refusal_reason",)),
    Column("refusal_comment", _("Refusal comment")),
)
TIME_COLUMNS = (
    CREATED,
    Column("changed", _("Changed"), ("updated_at",), "moment", lambda row: row.updated_at),
    Column("last_activity", _("Last activity"), ("last_activity_at",), "moment", lambda row: row.last_activity_at),
    NEXT_DUE,
    Column("in_stage_since", _("In stage since"), ("stage_entered_at",), "moment", lambda row: row.stage_entered_at),
    Column("closed", _("Closed"), ("closed_at",), "moment", lambda row: row.closed_at),
    NUMBER,
)
