"""What the calls of the reports have in common: parameters, answers, a report as JSON."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request

from analytics import export
from analytics.breakdowns import BREAKDOWNS
from analytics.query import COMPARED, CUTS, PERIODS, Period, ReportQuery
from crm.exporting import XLSX_TYPE
from crm.models import ClientType, Stage

KNOWN = {
    "pipeline", "period", "from", "to", "responsible", "team", "source", "region", "purpose", "client_type",
    "partner", "utm_campaign", "by", "mode", "compare", "as",
}  # fmt: skip
PERIOD_PARAMETERS = [
    OpenApiParameter("period", str, enum=[code for code, _label in PERIODS]),
    OpenApiParameter("from", OpenApiTypes.DATE, description=_("First day, when period is custom.")),
    OpenApiParameter("to", OpenApiTypes.DATE, description=_("Last day, when period is custom.")),
    OpenApiParameter("as", str, enum=["xlsx", "csv"], description=_("As a file; JSON when nothing is said.")),
]
PARAMETERS = [
    *PERIOD_PARAMETERS,
    OpenApiParameter("pipeline", str, description=_("Code of the pipeline.")),
    *(OpenApiParameter(name, str) for name in CUTS if name != "client_type"),
    OpenApiParameter("compare", str, enum=[code for code, _label in COMPARED]),
    OpenApiParameter("client_type", str, enum=ClientType.values),
    OpenApiParameter("by", str, enum=list(BREAKDOWNS), description=_("What the table is cut by.")),
]


ANSWERS: dict[Any, Any] = {
    200: OpenApiTypes.OBJECT,
    (200, XLSX_TYPE): OpenApiResponse(OpenApiTypes.BINARY),
    (200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY),
}


def file_kind(request: Request) -> str:
    """xlsx or csv where the report is wanted as a file, an empty text for JSON."""
    kind = str(request.query_params.get("as", ""))
    if kind and kind not in export.FILES:
        raise BadRequest({"as": [gettext("Give one of: %(names)s.") % {"names": ", ".join(export.FILES)}]})
    return kind


def plain(value: Any) -> Any:
    """A report as JSON: money as a decimal string, dates as ISO days, stages by key and name."""
    if isinstance(value, Stage):
        return {"key": value.key, "code": value.code, "name": value.name, "kind": value.kind}
    if isinstance(value, ReportQuery):
        return {
            "pipeline": ",".join(value.codes) or value.pipeline.code,
            "from": value.period.start.isoformat(),
            "to": value.period.end.isoformat(),
            **{name: list(values) for name, values in value.cuts.items()},
        }
    if isinstance(value, Period):
        return {"from": value.start.isoformat(), "to": value.end.isoformat()}
    if is_dataclass(value) and not isinstance(value, type):
        counted = [name for name, item in vars(type(value)).items() if isinstance(item, property)]
        return {name: plain(getattr(value, name)) for name in [*(item.name for item in fields(value)), *counted]}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.isoformat() if isinstance(value, date) else value
