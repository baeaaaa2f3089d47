"""Facts that several kinds of record share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.first_touch import last_touch
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


def clicks_text(record: Any) -> dict[str, Any]:
    """The click ids, one a line."""
    return {"value": "\n".join(f"{name}: {value}" for name, value in sorted((record.click_ids or {}).items()))}


def referrer_text(record: Any) -> dict[str, Any]:
    """The page from which the client came."""
    return {"value": record.referrer}


def last_touch_text(client: Any) -> dict[str, Any]:
    """What brought the client the last time, and when."""
    lead = last_touch(client)
    if lead is None:
        return {"value": ""}
    marks = [str(lead.source or ""), lead.utm_campaign]
    return {"value": ", ".join(mark for mark in marks if mark), "note": moment(lead.created_at)}


ATTRIBUTION = FactGroup(
    gettext_lazy("Where from"),
    (
        Fact("source", gettext_lazy("Source"), ("source",)),
        Fact("channel", gettext_lazy("Channel"), ("channel",), locked=True),
        Fact("utm", "UTM", show=utm_text),
        Fact("clicks", gettext_lazy("Click ids"), show=clicks_text),
        Fact("referrer", gettext_lazy("Came from"), show=referrer_text),
        Fact("landing", gettext_lazy("Page of the site"), show=landing_text),
        Fact("created", gettext_lazy("Created"), show=created_text),
    ),
    # A partner's twin came by a hand-over: where the client came from stands on the manufacturer's card.
    is_for=lambda record: getattr(record, "origin_id", None) is None,
)
# What first brought a client is locked, the newest request stands beside it; both are the manufacturer's business.
CLIENT_ATTRIBUTION = FactGroup(
    gettext_lazy("Where from"),
    tuple(
        replace(fact, internal=True)
        for fact in (
            Fact("source", gettext_lazy("First touch"), ("source",)),
            Fact("last_touch", gettext_lazy("Last touch"), show=last_touch_text),
            *ATTRIBUTION.facts[1:],
        )
    ),
)


def computed_or_own(shown: str, value: Any, computed: Any, computed_shown: str) -> dict[str, str]:
    """A fact that can be computed; one's own value over a computed one is flagged, with what it would be.

    Where nothing is computed there is nothing to override, and a typed value is just a value.
    """
    if value is None or computed is None or value == computed:
        return {"value": shown}
    return {"value": shown, "flag": _("by hand"), "note": computed_shown}
