"""The touches that led to a deal (ANA-3): the client's requests up to it, each with the source that brought it.

A touch is a lead of the client, or a deal that was made without one; repeat copies are none, and a request of which
nobody knows the source tells nothing and is left out. What first brought the client, as it is locked on them, stands
in front unless the first request says the same. Where no touch tells anything, the deal's own source is taken; where
that is unknown too, the deal is unattributed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import rows
from crm.models import Source

FIRST, LAST, ANY = "first", "last", "any"
PLACES = (FIRST, LAST, ANY)
PLACE_NAMES = {
    FIRST: gettext_lazy("First touch"),
    LAST: gettext_lazy("Last touch"),
    ANY: gettext_lazy("One of the touches"),
}

COLUMNS = ("pk", "company_id", "contact_id", "created_at", "source_id", "utm_campaign", "amount")
_OF = {FIRST: "place = 1", LAST: "place = touches", ANY: "1 = 1"}
_ALIVE = "{0}.partner_id IS NULL AND {0}.copy_set_id IS NULL AND {0}.deleted_at IS NULL AND {0}.merged_into_id IS NULL"
_LEAD = f"{_ALIVE.format('l')} AND l.mother_deal_id IS NULL AND l.source_id IS NOT NULL"
_DEAL = f"{_ALIVE.format('x')} AND x.source_id IS NOT NULL"
_WITHOUT_LEAD = "NOT EXISTS (SELECT 1 FROM leads_lead o WHERE o.deal_id = x.id AND o.deleted_at IS NULL)"


def _requests() -> str:
    """One SELECT per way from a deal to a request of its client: by company, by the person where there is none."""
    own = "SELECT d.id AS deal_id, 0 AS early, {0}.created_at AS at, '{0}' AS kind, {0}.id AS rid, {0}.source_id AS"
    own += " source, {0}.utm_campaign AS campaign FROM d JOIN {1} {0} ON "
    leads, deals = own.format("l", "leads_lead"), own.format("x", "deals_deal")
    person = "d.company_id IS NULL AND {0}.contact_id = d.contact_id"
    of_lead = ("l.company_id = d.company_id", person.format("l"), "l.deal_id = d.id")
    of_deal = ("x.company_id = d.company_id", person.format("x"), "x.id = d.id")
    ways = [f"{leads}{on} WHERE {_LEAD} AND l.created_at <= d.created_at" for on in of_lead]
    ways += [f"{deals}{on} WHERE {_DEAL} AND x.created_at <= d.created_at AND {_WITHOUT_LEAD}" for on in of_deal]
    return " UNION ".join(ways)


def _client(table: str, condition: str) -> str:
    """What first brought the client, locked on them; earlier than every request."""
    columns = "d.id AS deal_id, 1 AS early, c.created_at AS at, 'c' AS kind, c.id AS rid, c.source_id AS source"
    joined = f"d JOIN {table} c ON {condition} WHERE c.source_id IS NOT NULL"
    return f"SELECT {columns}, c.utm_campaign AS campaign FROM {joined}"  # noqa: S608


_ORDER = "(PARTITION BY deal_id ORDER BY early DESC, at, kind, rid)"
# A "d" made of COLUMNS goes in front of it. Kopecks are whole numbers, so that the parts of an amount add up to it.
TOUCHES = f"""
    told AS (
        {_requests()}
        UNION {_client("crm_company", "c.id = d.company_id")}
        UNION {_client("crm_contact", "d.company_id IS NULL AND c.id = d.contact_id")}
    ),
    looked AS (SELECT told.*, LEAD(source) OVER {_ORDER} AS next_source FROM told),
    kept AS (
        SELECT looked.*, ROW_NUMBER() OVER {_ORDER} AS place, COUNT(*) OVER (PARTITION BY deal_id) AS touches
        FROM looked WHERE early = 0 OR next_source IS NULL OR next_source <> source
    ),
    touch AS (
        SELECT d.id AS deal_id, COALESCE(k.place, 1) AS place, COALESCE(k.touches, 1) AS touches,
               CASE WHEN k.deal_id IS NULL THEN d.source_id ELSE k.source END AS source,
               CASE WHEN k.deal_id IS NOT NULL THEN k.campaign
                    WHEN d.source_id IS NULL THEN '' ELSE d.utm_campaign END AS campaign,
               CAST(ROUND(COALESCE(d.amount, 0) * 100) AS BIGINT) AS kopecks
        FROM d LEFT JOIN kept k ON k.deal_id = d.id
    )
"""  # noqa: S608 - only names of our own are put into the text


@dataclass(frozen=True)
class Touched:
    """Which touch of a deal is meant, and where it came from; no source is "nobody knows"."""

    place: str
    source: str
    campaign: str | None = None

    def __str__(self) -> str:
        """In the reader's words, as it stands among the filters of a list."""
        name = str(rows.catalogue(Source).get(self.source, self.source)) if self.source else _("source unknown")
        told = f"{PLACE_NAMES[self.place]}: {name}"
        return told if self.campaign is None else f"{told} · {self.campaign or _('no campaign')}"

    @property
    def code(self) -> str:
        """As an address holds it; `parse` reads it."""
        return ":".join([self.place, self.source, *([] if self.campaign is None else [self.campaign])])

    @classmethod
    def parse(cls, text: str) -> Touched | None:
        """Read "first:yandex_direct" or "last:yandex_direct:hangars"; None for anything else."""
        place, mark, rest = text.partition(":")
        source, with_campaign, campaign = rest.partition(":")
        if place not in PLACES or not mark:
            return None
        return cls(place, source, campaign if with_campaign else None)


def base_of(deals: QuerySet[Any]) -> tuple[str, tuple[Any, ...]]:
    """A SELECT of the deals with the columns that touches need; EmptyResultSet where there can be none."""
    sql, params = deals.order_by().values_list(*COLUMNS).query.sql_with_params()
    return f"d (id, company_id, contact_id, created_at, source_id, utm_campaign, amount) AS ({sql})", params


def deals_touched(deals: QuerySet[Any], wanted: Touched) -> QuerySet[Any]:
    """Of these deals those whose first touch, last touch, or any touch came from there."""
    try:
        base, params = base_of(deals)
    except EmptyResultSet:
        return deals.none()
    source, values = ("source = %s", [wanted.source]) if wanted.source else ("source IS NULL", [])
    if wanted.campaign is not None:
        source, values = f"{source} AND campaign = %s", [*values, wanted.campaign]
    sql = f"WITH {base}, {TOUCHES} SELECT deal_id FROM touch WHERE {_OF[wanted.place]} AND {source}"  # noqa: S608
    return deals.filter(pk__in=RawSQL(sql, [*params, *values]))  # noqa: S611
