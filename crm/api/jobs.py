"""Jobs over many records: what the caller has started, how far they are, stopping them and taking them back."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import jobs
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.views import ApiViewSet
from crm.models import ListJob
from crm.screens.files import job_content


class JobOutput(serializers.ModelSerializer[ListJob]):
    """A job over many records, or a file made of them."""

    can_undo = serializers.SerializerMethodField()
    has_file = serializers.SerializerMethodField()

    class Meta:
        model = ListJob
        fields: tuple[str, ...] = (
            "id", "kind", "record_type", "state", "total", "position", "done", "can_undo", "undone_at", "has_file",
            "created_at", "finished_at",
        )  # fmt: skip
        read_only_fields: tuple[str, ...] = fields

    def get_can_undo(self, job: ListJob) -> bool:
        return jobs.may_undo(job)

    def get_has_file(self, job: ListJob) -> bool:
        return bool(job.file)


class StayedOutput(serializers.Serializer[Any]):
    """A record that stays as it was, and why."""

    record_type = serializers.CharField()
    id = serializers.IntegerField()
    reason = serializers.CharField()


class JobDetail(JobOutput):
    """The same with the records that stay as they were."""

    failed = serializers.SerializerMethodField()

    class Meta(JobOutput.Meta):
        fields = (*JobOutput.Meta.fields, "failed")
        read_only_fields = fields

    @extend_schema_field(StayedOutput(many=True))
    def get_failed(self, job: ListJob) -> list[dict[str, Any]]:
        return [{"record_type": kind, "id": pk, "reason": reason} for kind, pk, reason in job.failed]


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List my jobs"), responses=JobOutput(many=True)),
    retrieve=extend_schema(summary=gettext_lazy("How far a job is"), responses=JobDetail),
)
class JobViewSet(ApiViewSet):
    """The caller's own jobs: what lists, bulk calls and exports have started."""

    queryset = ListJob.objects.none()
    serializer_class = JobOutput
    ordering_fields = ("created_at", "id")
    default_ordering = "-id"

    def get_object(self) -> ListJob:
        """One of the caller's own jobs, or a 404."""
        job = ListJob.objects.filter(pk=int(self.kwargs["pk"]), user=self.caller).first()
        if job is None:
            raise Http404
        return job

    def _shown(self, job: ListJob) -> Response:
        return Response(JobDetail(job).data)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of them, the latest first."""
        refuse_unknown(request, PAGING)
        page = self.paginate_queryset(ListJob.objects.filter(user=self.caller).defer("rows", "failed"))
        return self.get_paginated_response(JobOutput(page, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Its progress, and what stays as it was with the reason of each."""
        refuse_unknown(request, set())
        return self._shown(self.get_object())

    @extend_schema(summary=gettext_lazy("Stop a job"), request=None, responses=JobDetail)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, **kwargs: Any) -> Response:
        """Stop it after the records at hand; what was done stays and can be taken back."""
        return self._shown(jobs.job_stop(self.get_object()))

    @extend_schema(summary=gettext_lazy("Take a job back"), request=None, responses=JobDetail)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, **kwargs: Any) -> Response:
        """Take back what it did, within a day; answers the job that does so. What was changed on meanwhile stays."""
        return self._shown(jobs.job_undo(self.get_object(), by=self.actor))

    @extend_schema(
        summary=gettext_lazy("Download the file of an export"),
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    @action(detail=True, pagination_class=None)
    def file(self, request: Request, **kwargs: Any) -> FileResponse:
        """The file of an export that a worker has written."""
        refuse_unknown(request, set())
        return job_content(self.get_object())
