"""Merging of duplicates by API: look first (`?dry_run=1`), merge, take it back, remember what is no duplicate."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import duplicate_scan as scanning
from crm import merging, not_duplicates
from crm.api.filtering import refuse_unknown
from crm.api.pagination import BIGGEST_KEY
from crm.api.serializers import Input
from crm.api.views import ApiViewSet, RecordViewSet
from crm.duplicate_groups import groups_of, has_types, with_records
from crm.keys import key_in
from crm.models import ClientType, DuplicateScan, Merge


class Key(serializers.IntegerField):
    """An id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": BIGGEST_KEY, **kwargs})


class MergeInput(Input):
    """Which records become one, and whose value of a field is taken."""

    main = Key(help_text=gettext_lazy("The record that stays."))
    others = serializers.ListField(child=Key(), min_length=1, max_length=merging.MOST - 1)
    choices = serializers.DictField(
        child=Key(), required=False, help_text=gettext_lazy("Field → id of the record whose value is taken.")
    )
    accept_different_inns = serializers.BooleanField(
        required=False, help_text=gettext_lazy("Merge although the records have different INNs.")
    )


class CellOutput(serializers.Serializer[Any]):
    """One record's value of a field."""

    record_id = serializers.IntegerField()
    shown = serializers.CharField()
    is_empty = serializers.BooleanField()


class RowOutput(serializers.Serializer[Any]):
    """One field side by side."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    cells = CellOutput(many=True)
    chosen_id = serializers.IntegerField()
    differs = serializers.BooleanField()


class MergeOutput(serializers.Serializer[Any]):
    """A merge, or with `dry_run` what it would do."""

    id = serializers.IntegerField(allow_null=True)
    record_type = serializers.CharField()
    main = serializers.IntegerField()
    merged = serializers.ListField(child=serializers.IntegerField())
    undone_at = serializers.DateTimeField(allow_null=True)
    fields = RowOutput(many=True, required=False)  # type: ignore[assignment]
    warning = serializers.CharField(
        required=False, help_text=gettext_lazy("With `dry_run`: why it needs `accept_different_inns`.")
    )


class NotDuplicateInput(Input):
    """Records that are different, although they look alike."""

    ids = serializers.ListField(child=Key(), min_length=2, max_length=20)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=255)
    other_type = serializers.ChoiceField(
        ("contact", "company", "lead"),
        required=False,
        help_text=gettext_lazy("With it the first id is of this kind of record, the others are of that one."),
    )


class GroupMember(serializers.Serializer[Any]):
    """A record of a group."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class GroupOutput(serializers.Serializer[Any]):
    """Records that may be one and the same."""

    id = serializers.IntegerField()
    is_sure = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())
    records = GroupMember(many=True)


class ScanOutput(serializers.Serializer[Any]):
    """A search for duplicates over the whole registry."""

    state = serializers.ChoiceField(DuplicateScan.State.choices)
    percent = serializers.IntegerField()
    error = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


def merge_answer(done: Merge) -> dict[str, Any]:
    """A merge as the API shows it."""
    body = {
        "id": done.pk,
        "record_type": done.record_type,
        "main": done.main_id,
        "merged": done.merged_ids,
        "undone_at": done.undone_at,
    }
    return dict(MergeOutput(body).data)


class MergeActions(RecordViewSet):
    """Merging, for the kinds of record that are merged."""

    @extend_schema(
        summary=gettext_lazy("Merge duplicates"),
        request=MergeInput,
        responses=MergeOutput,
        parameters=[OpenApiParameter("dry_run", bool, description=gettext_lazy("Show the fields, change nothing."))],
    )
    @action(detail=False, methods=["post"])
    def merge(self, request: Request, **kwargs: Any) -> Response:
        """Make one record of several; everything that hangs on the others goes over to the main one."""
        wish = self.read(MergeInput)
        others: list[int] = wish["others"]
        if request.query_params.get("dry_run", "0").lower() in {"1", "true"}:
            found = merging.merge_preview(self.record_type, [wish["main"], *others], self.actor, wish["main"])
            body = {
                "id": None, "record_type": self.record_type, "main": wish["main"], "merged": others, "undone_at": None,
                "fields": found.rows, "warning": merging.inn_warning(found.inns),
            }  # fmt: skip
            return Response(MergeOutput(body).data)
        done = merging.merge(
            record_type=self.record_type,
            main_id=wish["main"],
            other_ids=others,
            choices=wish.get("choices"),
            accept_different_inns=wish.get("accept_different_inns", False),
            by=self.actor,
        )
        return Response(merge_answer(done))

    @extend_schema(summary=gettext_lazy("These are no duplicates"), request=NotDuplicateInput, responses={204: None})
    @action(detail=False, methods=["post"], url_path="not-duplicates")
    def not_duplicates(self, request: Request, **kwargs: Any) -> Response:
        """Remember for everybody that records which look alike are different."""
        wish = self.read(NotDuplicateInput)
        not_duplicates.mark_not_duplicate(
            record_type=self.record_type,
            ids=wish["ids"],
            by=self.actor,
            reason=wish.get("reason", ""),
            other_type=wish.get("other_type", ""),
        )
        return Response(status=204)

    @extend_schema(
        summary=gettext_lazy("They may be duplicates after all"), request=NotDuplicateInput, responses={204: None}
    )
    @action(detail=False, methods=["post"], url_path="not-duplicates/undo")
    def undo_not_duplicates(self, request: Request, **kwargs: Any) -> Response:
        """Forget that records were found different; whoever marked them may, and a head."""
        wish = self.read(NotDuplicateInput)
        marks = not_duplicates.marks_between(self.record_type, wish["ids"], wish.get("other_type", ""))
        if not not_duplicates.unmark_not_duplicate(ids=[mark.pk for mark in marks], by=self.actor):
            raise Http404
        return Response(status=204)

    @extend_schema(
        summary=gettext_lazy("Groups of possible duplicates"),
        responses=GroupOutput(many=True),
        parameters=[
            OpenApiParameter("sure", bool, description=gettext_lazy("Only by phone, e-mail or INN, not by name.")),
            OpenApiParameter(
                "client_type",
                str,
                enum=ClientType.values,
                description=gettext_lazy("Groups with a client of this type; of contacts and companies."),
            ),
            OpenApiParameter("after", int, description=gettext_lazy("Groups after this id.")),
        ],
    )
    @action(detail=False, url_path="duplicate-groups", filterset_class=None, pagination_class=None)
    def duplicate_groups(self, request: Request, **kwargs: Any) -> Response:
        """What the last search over the whole registry found, for the sales head; 100 groups at a time by id."""
        refuse_unknown(request, {"sure", "after"} | ({"client_type"} if has_types(self.record_type) else set()))
        self._require_head()
        after_id = key_in(request.query_params.get("after", "0")) or 0
        sure = request.query_params.get("sure", "0").lower() in {"1", "true"}
        found = groups_of(self.record_type, self.caller, sure=sure, client_type=self._client_type(request))
        rows = found.filter(pk__gt=after_id).order_by("pk")[:100]
        body = [
            {
                "id": row["group"].pk,
                "is_sure": row["group"].is_sure,
                "reasons": row["reasons"],
                "records": [{"id": record.pk, "name": str(record)} for record in row["records"]],
            }
            for row in with_records(rows, self.record_type, self.caller)
        ]
        return Response(GroupOutput(body, many=True).data)

    @extend_schema(methods=["GET"], summary=gettext_lazy("How far the search for duplicates is"), responses=ScanOutput)
    @extend_schema(
        methods=["POST"], summary=gettext_lazy("Search for duplicates"), request=None, responses={202: ScanOutput}
    )
    @action(
        detail=False,
        methods=["get", "post"],
        url_path="duplicate-groups/scan",
        filterset_class=None,
        pagination_class=None,
    )
    def duplicate_scan(self, request: Request, **kwargs: Any) -> Response:
        """Ask for a search over the whole registry (POST), or see how far it is (GET); 404 before the first one."""
        self._require_head()
        if request.method == "POST":
            scan: Any = scanning.scan_start(record_type=self.record_type, by=self.actor)
        else:
            refuse_unknown(request, set())
            scan = DuplicateScan.objects.filter(record_type=self.record_type).first()
        if scan is None:
            raise Http404
        body = {"state": scan.state, "percent": scanning.progress(scan), "error": scan.error,
                "started_at": scan.started_at, "finished_at": scan.finished_at}  # fmt: skip
        return Response(ScanOutput(body).data, status=202 if request.method == "POST" else 200)

    def _client_type(self, request: Request) -> str:
        wanted = request.query_params.get("client_type", "")
        if wanted and wanted not in ClientType.values:
            names = ", ".join(ClientType.values)
            raise serializers.ValidationError(
                {"client_type": [_("Choose among: %(names)s.") % {"names": names}]}, code="invalid"
            )
        return wanted

    def _require_head(self) -> None:
        if not self.caller.is_head:
            raise PermissionDenied


class MergeViewSet(ApiViewSet):
    """Merges that were made."""

    queryset = Merge.objects.none()
    serializer_class = MergeOutput

    @extend_schema(summary=gettext_lazy("Undo a merge"), request=None, responses=MergeOutput)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, **kwargs: Any) -> Response:
        """Put everything back as it was before the merge."""
        found = Merge.objects.filter(pk=int(self.kwargs["pk"])).first()
        if found is None or not self.caller.is_head:
            raise Http404
        return Response(merge_answer(merging.undo_merge(merge_id=found.pk, by=self.actor)))
