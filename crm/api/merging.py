"""Merging of duplicates by API: look first (`?dry_run=1`), merge, take it back, remember what is no duplicate."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import merging, not_duplicates
from crm.api.pagination import BIGGEST_KEY
from crm.api.serializers import Input
from crm.api.views import ApiViewSet, RecordViewSet
from crm.models import Merge


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


class NotDuplicateInput(Input):
    """Records that are different, although they look alike."""

    ids = serializers.ListField(child=Key(), min_length=2, max_length=20)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=255)
    other_type = serializers.ChoiceField(
        ("contact", "company", "lead"),
        required=False,
        help_text=gettext_lazy("With it the first id is of this kind of record, the others are of that one."),
    )


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
                "fields": found.rows,
            }  # fmt: skip
            return Response(MergeOutput(body).data)
        done = merging.merge(
            record_type=self.record_type,
            main_id=wish["main"],
            other_ids=others,
            choices=wish.get("choices"),
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
