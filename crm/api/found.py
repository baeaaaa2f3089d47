"""What is done with everything that a list's filter finds: a file of it, and one action over all of it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, TooManyFieldsSent
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters.utils import translate_validation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from crm import bulk, directions, exporting, jobs, pipelines, stages, trash
from crm.api.actions import CLIENT_FIELDS, RecordActions, _refusal_values
from crm.api.filtering import internal_filters, refuse_doubtful, refuse_unknown
from crm.api.jobs import JobDetail
from crm.api.many import ManyInput
from crm.api.serializers import Input
from crm.errors import StageConflict
from crm.models import ListJob
from crm.querysets import Action
from crm.screens import export_jobs, listing, registry
from crm.screens.bulk import Look
from crm.screens.export_jobs import AT_ONCE, Sheet
from crm.services.fields import plain_value

# What a file's query may say beside the filter.
OF_A_FILE = frozenset({"as", "columns", "sort"})
SHOWN_STAYS = 100


class AllFoundInput(ManyInput):
    """Which records, and what to do with all of them; each action takes the fields of the single one."""

    query = serializers.CharField(
        allow_blank=True, max_length=4000,
        help_text=gettext_lazy("The filter as the list's address has it: `stage=deal:negotiation&area_from=500`."),
    )  # fmt: skip
    dry_run = serializers.BooleanField(
        default=False, help_text=gettext_lazy("Count, and tell what would stay as it is; nothing is changed.")
    )
    expected = serializers.IntegerField(
        required=False, min_value=0,
        help_text=gettext_lazy("How many a dry run has counted; when it is another number by now, the answer is 409."),
    )  # fmt: skip


class StaysOutput(serializers.Serializer[Any]):
    """A record that would not move, and why."""

    id = serializers.IntegerField()
    reason = serializers.CharField()


class AllFoundOutput(serializers.Serializer[Any]):
    """What a dry run has counted, or the job that does it."""

    found = serializers.IntegerField(help_text=gettext_lazy("How many records the filter finds in your sight."))
    count = serializers.IntegerField(help_text=gettext_lazy("How many of them you may change."))
    looked_at = serializers.IntegerField(help_text=gettext_lazy("Of how many the move was tried."))
    stays = StaysOutput(many=True, help_text=gettext_lazy("Those of them that would not move."))
    job = JobDetail(allow_null=True, help_text=gettext_lazy("None for a dry run, and where nothing is to be done."))


class ExportInput(Input):
    """Of what a file is made."""

    query = serializers.CharField(
        allow_blank=True, max_length=4000, default="",
        help_text=gettext_lazy("The filter as the list's address has it, with `columns` and `sort` where they matter."),
    )  # fmt: skip
    format = serializers.ChoiceField(choices=("xlsx", "csv"), default="xlsx")


COLUMNS = OpenApiParameter(
    "columns",
    str,
    description=gettext_lazy("Columns by key, with commas; `all` for all of them; else as you have them."),
)
SORT = OpenApiParameter("sort", str, description=gettext_lazy("The key of a column; a minus turns it round."))
AS = OpenApiParameter("as", str, enum=["xlsx", "csv"], description=gettext_lazy("XLSX when nothing is said."))
FILE = OpenApiResponse(OpenApiTypes.BINARY)
TRY = OpenApiExample(
    "dry run",
    value={"query": "stage=deal:negotiation&area_from=500", "action": "move", "to": "proposal_sent", "dry_run": True},
    request_only=True,
)


def query_of(text: str) -> QueryDict:
    """A list's query as it was sent; ValidationError for one with more parameters than any address has."""
    try:
        return QueryDict(text.removeprefix("?"), mutable=True)
    except TooManyFieldsSent as error:
        raise BadRequest({"query": [_("There are too many parameters.")]}) from error


class FoundActions(RecordActions):
    """Files and actions over all that a filter finds: the same rows as the list of the API has."""

    def found(self, query: QueryDict, action: Action = "view") -> tuple[HttpRequest, Any]:
        """A request for the list with that query, and its FilterSet over the rows that the caller may see or change.

        ValidationError names parameters that do not exist and values that cannot be.
        """
        screen = registry.of(self.record_type)
        known = set(screen.filter_class.base_filters) - internal_filters(self.caller)
        refuse_unknown(query, known | OF_A_FILE)
        refuse_doubtful(query, screen.filter_class.base_filters)
        self._check_columns(query)
        asked = query.copy()
        if not asked.get("pipeline"):
            asked["pipeline"] = listing.ALL
        request = export_jobs.request_of(self.caller, asked)
        rows: Any = screen.model._default_manager.visible_to(self.caller, action)  # type: ignore[attr-defined]
        found = listing.filtered(request, screen, None, rows.alive())
        if not found.form.is_valid():
            raise translate_validation(found.errors)
        return request, found

    def _check_columns(self, query: QueryDict) -> None:
        known = registry.of(self.record_type).columns_for(self.caller)
        offered = {
            "columns": [listing.ALL, *(one.key for one in known)],
            "sort": [one.key for one in known if one.sort],
        }
        for name, keys in offered.items():
            asked = [key.lstrip("-") if name == "sort" else key for key in query.get(name, "").split(",") if key]
            if wrong := [key[:40] for key in asked if key not in keys]:
                text = _("Choose among: %(names)s.") % {"names": ", ".join(keys)}
                raise BadRequest({name: [f"{', '.join(wrong[:5])}. {text}"]})

    # -- files --------------------------------------------------------------------------------------------------------

    @extend_schema(
        methods=["GET"],
        summary=gettext_lazy("The list as a file"),
        responses={(200, exporting.XLSX_TYPE): FILE, (200, "text/csv"): FILE},
        parameters=[AS, COLUMNS, SORT],
    )
    @extend_schema(
        methods=["POST"],
        summary=gettext_lazy("Have a file of the list written"),
        request=ExportInput,
        responses={202: JobDetail},
        filters=False,
    )
    @action(detail=False, methods=["get", "post"], url_path="export", pagination_class=None)
    def export(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        """All rows that the filter finds, XLSX or CSV; over 5,000 rows a POST has the file written by a worker.

        The answer of the POST is the job; its file is at `/jobs/{id}/file/` once `has_file` is true.
        """
        if request.method == "POST":
            return self._export_job(self.read(ExportInput))
        if (wanted := request.query_params.get("as", "xlsx")) not in {"xlsx", "csv"}:
            raise BadRequest({"as": [_("Give one of: %(names)s.") % {"names": "xlsx, csv"}]})
        sheet = self._sheet(request.query_params)
        count = sheet.count(AT_ONCE)
        if count > AT_ONCE:
            text = _("More than %(most)s rows: have the file written by POST.") % {"most": AT_ONCE}
            raise jobs.TooMany(text)
        sheet.noted(count, by=self.actor)
        if wanted == "csv":
            return exporting.csv_stream(sheet.name, sheet.columns, sheet.blocks())
        return exporting.xlsx(sheet.name, sheet.columns, sheet.blocks(), about=sheet.about)

    def _sheet(self, query: QueryDict) -> Sheet:
        return Sheet(self.found(query)[0], registry.of(self.record_type))

    def _export_job(self, wish: dict[str, Any]) -> Response:
        query = query_of(wish["query"])
        query["as"] = wish["format"]
        request, _found = self.found(query)
        job = export_jobs.export_start(request, registry.of(self.record_type), by=self.actor)
        return _told(JobDetail(job).data, job, 202)

    # -- actions ------------------------------------------------------------------------------------------------------

    @extend_schema(
        summary=gettext_lazy("One action over all that a filter finds"),
        request=AllFoundInput,
        responses={200: AllFoundOutput, 202: AllFoundOutput},
        examples=[TRY],
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="bulk/found", filterset_class=None)
    def bulk_found(self, request: Request, **kwargs: Any) -> Response:
        """Assign, move, tag or delete all of them, up to 20,000; a job does it, at once up to 500 (202: a worker).

        What cannot be done stays as it is and is listed by the job; `POST /jobs/{id}/undo/` takes it back for a day.
        """
        wish = self.read(AllFoundInput)
        if wish["action"] == "delete" and not trash.may_delete(self.caller):
            raise PermissionDenied
        query = query_of(wish["query"])
        refuse_unknown(query, set(registry.of(self.record_type).filter_class.base_filters))
        rows = self.found(query, "move" if wish["action"] in bulk.MOVES else "change")[1].qs.order_by(
            "-created_at", "-id"
        )
        keys = list(rows.values_list("pk", flat=True)[: jobs.MOST + 1])
        body: dict[str, Any] = {"count": len(keys), "looked_at": 0, "stays": [], "job": None}
        if wish.get("expected", len(keys)) != len(keys):
            text = _("The filter finds %(count)s records to change by now: look at them again.")
            raise StageConflict(text % {"count": len(keys)})
        # Before anything is done: what was moved may be found no more.
        body["found"] = self.found(query)[1].qs.order_by().count()
        params = self._params(wish, rows)
        if wish["dry_run"] or not keys:
            body |= self._look(wish, rows)
            return Response(AllFoundOutput(body).data)
        job = jobs.job_start(
            by=self.caller, kind=wish["action"], rows=[(self.record_type, pk) for pk in keys], params=params,
            record_type=self.record_type, token_name=jobs.token_name(self.actor),
        )  # fmt: skip
        body["job"] = job
        return _told(AllFoundOutput(body).data, job, 200 if job.is_over else 202)

    def _params(self, wish: dict[str, Any], rows: Any) -> dict[str, Any]:
        """What the job does, as JSON."""
        match wish["action"]:
            case "assign":
                return {"responsible": wish["responsible"].pk, "reason": wish.get("reason", "")}
            case "tag":
                return {"add": wish.get("add", []), "remove": wish.get("remove", [])}
            case "move":
                return self._move_params(wish, rows)
            case "direction":
                params = {"to": self._direction(wish), "map": wish.get("map", {}), "reason": wish.get("reason", "")}
                return params | ({"data": self._fields(dict(wish["data"]))} if wish.get("data") else {})
        return {}

    def _move_params(self, wish: dict[str, Any], rows: Any) -> dict[str, Any]:
        params: dict[str, Any] = {"to": wish["to"], "reason": wish.get("reason", "")}
        if (target := self._target(wish, rows)) is not None and target.is_failure:
            if "refusal" not in wish:
                raise BadRequest({"refusal": [_("Say why they are lost.")]}, code="required")
            params["refusal"] = {name: plain_value(value) for name, value in _refusal_values(wish["refusal"]).items()}
        if given := dict(wish.get("data") or {}):
            params["data"] = self._fields(given)
        return params

    def _direction(self, wish: dict[str, Any]) -> str:
        """The pipeline meant; a 400 when there is none such for records of the kind."""
        known = {row.pk for row in stages.visible_pipelines(self.record_type, self.caller) if not row.is_partner}
        if wish["to"] not in known:
            raise BadRequest({"to": [_("There is no such other pipeline.")]})
        return str(wish["to"])

    def _target(self, wish: dict[str, Any], rows: Any) -> Any:
        """The stage meant; a 400 when the records' pipeline has none such, or they are of several pipelines."""
        codes = list(rows.order_by().values_list("pipeline_id", flat=True).distinct()[:2])
        if not codes:
            return None
        if len(codes) > 1:
            text = _("The records found are in different pipelines: name one in the query.")
            raise BadRequest({"query": [text]})
        try:
            found = pipelines.find_stage(codes[0], wish["to"])
        except KeyError:
            found = None
        if found is None or found.pipeline_id != codes[0]:
            raise BadRequest({"to": [_("This pipeline has no stage «%(code)s».") % {"code": wish["to"]}]})
        return found

    def _fields(self, given: dict[str, Any]) -> dict[str, Any]:
        """Fields for those that lack them, as JSON: the record's own by their types, the client's as short texts."""
        related = {name: given.pop(name) for name in list(given) if "__" in name}
        for name, value in related.items():
            if name not in CLIENT_FIELDS or not isinstance(value, str) or len(value) > CLIENT_FIELDS[name]:
                raise BadRequest({"data": {name[:60]: [_("There is no such field, or it cannot be set here.")]}})
        fields = self.input_class(data=given, context=self.get_serializer_context(), partial=True)
        if not fields.is_valid():
            raise BadRequest({"data": fields.errors})
        values = self.flat(dict(fields.validated_data))
        return {**{name: plain_value(value) for name, value in values.items()}, **related}

    def _look(self, wish: dict[str, Any], rows: Any) -> dict[str, Any]:
        """Which of the first rows would not move, and why."""
        target = self._target(wish, rows) if wish["action"] == "move" else None
        if target is None and wish["action"] != "direction":
            return {}

        def aim(row: Any) -> Any:
            return target or directions.aim(row.stage_row, wish["to"], wish.get("map"))

        related = registry.of(self.record_type).related
        look = Look(
            rows.select_related(*related), aim, self.caller, wish.get("reason", ""), given=wish.get("data") or {}
        )
        stays = [{"id": row["record"].pk, "reason": row["reason"]} for row in look.stays]
        return {"looked_at": look.looked_at, "stays": stays[:SHOWN_STAYS]}


def _told(body: Any, job: ListJob, status: int) -> Response:
    return Response(body, status=status, headers={"Location": reverse("api-job-detail", args=[job.pk])})
