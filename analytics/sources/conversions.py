"""Conversions as a file for Yandex Metrica ("offline conversions"): which visits became leads, deals, contracts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.query import ReportQuery
from crm.errors import InvalidInput

# How a visitor is named: the parameter, the head of the column, the key among a record's click ids.
IDS = {
    "client_id": ("ClientId", "ym_client_id", gettext_lazy("by ClientId")),
    "yclid": ("Yclid", "yclid", gettext_lazy("by yclid")),
}
# Goals of the counter: the identifiers to make in Metrica as JavaScript events.
LEAD, DEAL, CONTRACT = "crm_lead", "crm_deal", "crm_contract"


def kind_of(data: Mapping[str, Any]) -> str:
    """How visitors are to be named; InvalidInput for a way that Metrica does not know."""
    kind = str(data.get("ids") or "client_id")
    if kind not in IDS:
        raise InvalidInput.at("ids", _("Give one of: %(names)s.") % {"names": ", ".join(IDS)})
    return kind


def conversions(query: ReportQuery, kind: str) -> Iterator[tuple[str, str, int, str, str]]:
    """(visitor, goal, Unix time, price, currency) of what came in and was won in the period; copies are no visits."""
    key = IDS[kind][1]
    leads, deals = query.sales("lead"), query.sales("deal")
    made = {**query.created(), "copies": "false"}
    won = {**query.closed(), "kind": "success", "copies": "false"}
    for rows, goal, at in (
        (leads.rows(**made).values_list("click_ids", "created_at"), LEAD, 1),
        (deals.rows(**made).values_list("click_ids", "created_at"), DEAL, 1),
        (deals.rows(**won).values_list("click_ids", "closed_at", "amount", "currency"), CONTRACT, 1),
    ):
        for row in rows.order_by("pk").iterator():
            visitor = str((row[0] or {}).get(key) or "")
            if visitor.isdigit():
                price, currency = (f"{row[2]:.2f}", row[3]) if goal == CONTRACT and row[2] else ("", "")
                yield visitor, goal, int(row[at].timestamp()), price, currency


def conversions_file(query: ReportQuery, kind: str) -> HttpResponse:
    """The CSV as Metrica takes it: UTF-8, commas, times in Unix seconds, a dot in the price."""
    buffer = io.StringIO()
    writer: Any = csv.writer(buffer, lineterminator="\n")
    writer.writerow([IDS[kind][0], "Target", "DateTime", "Price", "Currency"])
    writer.writerows(conversions(query, kind))
    response = HttpResponse(buffer.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="conversions_{kind}.csv"'
    return response
