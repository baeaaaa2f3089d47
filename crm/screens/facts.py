"""Facts that several kinds of record share."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.screens.registry import Fact, FactGroup
from crm.templatetags.ui import moment

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")


def utm_text(record: Any) -> dict[str, Any]:
    """The marks that are there, one a line."""
    return {"value": "\n".join(f"{name[4:]}: {getattr(record, name)}" for name in UTM if getattr(record, name))}


def created_text(record: Any) -> dict[str, Any]:
    """When the record was made and by whom."""
    who = record.created_by if record.created_by_id else ""
    return {"value": moment(record.created_at), "note": str(who) if who else ""}


def landing_text(record: Any) -> dict[str, Any]:
    """The page on which the client wrote."""
    return {"value": record.landing_page}


ATTRIBUTION = FactGroup(
    gettext_lazy("Where from"),
    (
        Fact("source", gettext_lazy("Source"), ("source",)),
        Fact("channel", gettext_lazy("Channel"), ("channel",), locked=True),
        Fact("utm", "UTM", show=utm_text),
        Fact("landing", gettext_lazy("Page of the site"), show=landing_text),
        Fact("created", gettext_lazy("Created"), show=created_text),
    ),
)


def computed_or_own(shown: str, value: Any, computed: Any, computed_shown: str) -> dict[str, str]:
    """A fact that can be computed; one's own value over a computed one is flagged, with what it would be.

    Where nothing is computed there is nothing to override, and a typed value is just a value.
    """
    if value is None or computed is None or value == computed:
        return {"value": shown}
    return {"value": shown, "flag": _("by hand"), "note": computed_shown}
