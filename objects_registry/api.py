"""Construction objects in the API: kept, compared, merged."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from crm.api.bulk import BulkActions
from crm.api.filtering import refuse_unknown
from crm.api.merging import MergeActions
from crm.api.serializers import HEAD, TAIL, Coded, Input, RecordInput, RecordOutput, Reference, visible
from crm.models import RecordType
from crm.people import assignable
from objects_registry import services
from objects_registry.catalogues_api import PurposeViewSet, SteelViewSet
from objects_registry.filters import ObjectFilter
from objects_registry.matching import candidates_for
from objects_registry.models import BUILDING_FIELDS, ConstructionObject, Purpose
from objects_registry.selectors import PlaceCount, places_of


class ObjectOutput(RecordOutput):
    """A construction object."""

    internal_fields = ("created_by", "notes", "refusal_reason", "refusal_comment")

    class Meta:
        model = ConstructionObject
        fields = (*HEAD, "name", *BUILDING_FIELDS, "notes", *TAIL)
        read_only_fields = fields


class ObjectInput(RecordInput):
    """What may be set on an object; a name that is not given is put together from the other fields."""

    name = serializers.CharField(required=False, max_length=255)
    purpose = Coded(queryset=Purpose.objects.all(), required=False, allow_null=True)
    responsible = Reference(queryset=assignable, required=False, allow_null=True)

    class Meta:
        model = ConstructionObject
        fields = ("name", *BUILDING_FIELDS, "notes", "responsible")


class ObjectChoice(Input):
    """Which object the record gets: an existing one, or a new one although similar ones exist."""

    existing = Reference(queryset=visible("objects_registry.ConstructionObject"), required=False, allow_null=True)
    force_new = serializers.BooleanField(default=False)


class WithObject(BulkActions):
    """What leads and deals do with their object."""

    @extend_schema(summary=gettext_lazy("Make or choose its object"), request=ObjectChoice)
    @action(detail=True, methods=["post"], url_path="object")
    def building(self, request: Request, **kwargs: Any) -> Response:
        """Tie the record to an object; 409 lists similar ones, of which one can be named."""
        wish = self.read(ObjectChoice)
        with transaction.atomic():
            record = self.locked()
            existing = wish.get("existing")
            services.object_from_record(
                record,
                by=self.actor,
                existing_id=existing.pk if existing is not None else None,
                force_new=wish["force_new"],
            )
        return self.show(record.pk)


class CandidateOutput(serializers.Serializer[Any]):
    """An object that may be the same building."""

    object = serializers.SerializerMethodField()
    certain = serializers.BooleanField(source="match.certain")
    score = serializers.FloatField(source="match.score")
    reasons = serializers.ListField(child=serializers.CharField())

    def get_object(self, candidate: Any) -> dict[str, Any] | None:
        found = candidate.object
        return {"id": found.pk, "name": str(found)} if found is not None else None


class CityCountOutput(serializers.Serializer[PlaceCount]):
    """Objects in a town; an empty name where it is not known."""

    name = serializers.CharField()
    count = serializers.IntegerField()
    area = serializers.DecimalField(max_digits=18, decimal_places=2, help_text=gettext_lazy("Together, m²."))


class RegionCountOutput(CityCountOutput):
    """Objects in a region, with its towns."""

    cities = CityCountOutput(many=True)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List objects")),
    retrieve=extend_schema(summary=gettext_lazy("Read an object")),
    create=extend_schema(summary=gettext_lazy("Create an object"), request=ObjectInput),
    partial_update=extend_schema(summary=gettext_lazy("Change an object"), request=ObjectInput),
)
class ObjectViewSet(MergeActions, BulkActions):
    """Buildings that somebody means to put up."""

    queryset = ConstructionObject.objects.none()
    record_type = RecordType.OBJECT
    model = ConstructionObject
    output_class = ObjectOutput
    input_class = ObjectInput
    filterset_class = ObjectFilter
    expandable = ("responsible", "purpose")
    ordering_fields = (*BulkActions.ordering_fields, "name", "area")

    def perform_create(self, data: dict[str, Any], pipeline: str, columns: dict[str, Any]) -> ConstructionObject:
        """Make an object."""
        return services.object_create(by=self.actor, data=data)

    def perform_update(self, record: ConstructionObject, data: dict[str, Any]) -> None:
        """Change an object."""
        services.object_update(record, by=self.actor, data=data)

    @extend_schema(summary=gettext_lazy("Possible duplicates"), responses=CandidateOutput(many=True))
    @action(detail=True, filterset_class=None, pagination_class=None)
    def duplicates(self, request: Request, **kwargs: Any) -> Response:
        """Objects that may be the same building, the likeliest first, with the reasons."""
        refuse_unknown(request, set())
        return Response(CandidateOutput(candidates_for(self.get_object(), request.user), many=True).data)

    @extend_schema(summary=gettext_lazy("Objects by region and town"), responses=RegionCountOutput(many=True))
    @action(detail=False, pagination_class=None)
    def places(self, request: Request, **kwargs: Any) -> Response:
        """How many objects in the caller's sight stand where, cut by the filters of the list; the most first."""
        rows = ConstructionObject.objects.visible_to(self.caller).alive()
        found: Any = places_of(self.filter_queryset(rows))
        return Response(RegionCountOutput(found, many=True).data)


router = SimpleRouter()
router.register("objects", ObjectViewSet, basename="api-object")
router.register("purposes", PurposeViewSet, basename="api-purpose")
router.register("steel", SteelViewSet, basename="api-steel")
urlpatterns = router.urls
