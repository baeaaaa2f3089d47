"""Leads in the API."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from crm.api.clients import ClientQuery, FoundOutput
from crm.api.merging import MergeActions
from crm.api.serializers import (
    HEAD,
    TAIL,
    ClickIds,
    Coded,
    Input,
    PointsMixin,
    RecordInput,
    RecordOutput,
    Reference,
    TextList,
    email_list,
    phone_list,
    visible,
)
from crm.api.undo import UNDO_HEADER, undoable
from crm.identification import client_of_note, clients_for
from crm.models import ATTRIBUTION_FIELDS, RecordType, Source
from crm.people import assignable
from crm.settings_audit import require_head
from leads import linking, routing, services
from leads.conversion_api import ConversionActions
from leads.filters import LeadFilter
from leads.models import Lead
from leads.spam import lead_mark_spam, offer_undo
from objects_registry.api import WithObject
from objects_registry.models import BUILDING_FIELDS, Purpose

OWN = ("title", "name", "company_name", "inn", "request_text", "messages_consent", "amount")
LINKS = ("contact", "company", "object")
TELLING = ("name", "phones", "emails", "company_name", "request_text", "title", "contact", "company")


class LeadOutput(PointsMixin, RecordOutput):
    """A lead."""

    internal_fields = ("created_by", "origin", "mother_deal", "upsell_by", "duplicate_object", "duplicate_is_certain")

    tags: Any = serializers.SlugRelatedField("name", many=True, read_only=True)
    deal = Reference(read_only=True, guarded="deal=deals.Deal")
    mother_deal = Reference(read_only=True, guarded="mother_deal=deals.Deal")
    origin = Reference(read_only=True, guarded="origin=leads.Lead")
    duplicate_object = Reference(read_only=True, guarded="duplicate_object=objects_registry.ConstructionObject")

    class Meta:
        model = Lead
        fields = (
            *HEAD, *OWN, "phones", "emails", "phone_original", "email_original", *LINKS, "deal", *BUILDING_FIELDS,
            "is_repeat", "missing_minimum", "duplicate_object", "duplicate_is_certain", "tags", "mother_deal", "origin",
            "upsell_by", "partner", *ATTRIBUTION_FIELDS, *TAIL,
        )  # fmt: skip
        read_only_fields = fields


class LeadInput(RecordInput):
    """What may be set on a lead; phones and e-mails are added to those it has."""

    title = serializers.CharField(required=False, allow_blank=True, max_length=255)
    pipeline = serializers.CharField(required=False, max_length=30)
    phones = phone_list()
    emails = email_list()
    inn = serializers.CharField(required=False, allow_blank=True, max_length=30)
    contact = Reference(queryset=visible("crm.Contact"), required=False, allow_null=True)
    company = Reference(queryset=visible("crm.Company"), required=False, allow_null=True)
    object = Reference(queryset=visible("objects_registry.ConstructionObject"), required=False, allow_null=True)
    purpose = Coded(queryset=Purpose.objects.all(), required=False, allow_null=True)
    source = Coded(queryset=Source.objects.all(), required=False, allow_null=True)  # type: ignore[assignment]
    responsible = Reference(queryset=assignable, required=False, allow_null=True)
    click_ids = ClickIds(required=False)
    tags = TextList(child=serializers.CharField(max_length=50))

    class Meta:
        model = Lead
        fields = (
            *OWN, "pipeline", "phones", "emails", *LINKS, *BUILDING_FIELDS, "responsible", "tags", *ATTRIBUTION_FIELDS,
        )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A request says something: a call with nothing in it is a mistake of the caller."""
        if not self.partial and not any(attrs.get(name) for name in TELLING):
            raise BadRequest(_("Give one of: %(names)s.") % {"names": ", ".join(TELLING)}, code="required")
        return attrs


class ClientInput(Input):
    """The client that the request is from."""

    contact = Reference(queryset=visible("crm.Contact"), required=False, allow_null=True)
    company = Reference(queryset=visible("crm.Company"), required=False, allow_null=True)
    note = serializers.CharField(
        required=False,
        max_length=500,
        help_text=gettext_lazy("Of a candidate, instead of its id; an operator, who sees no clients, chooses by it."),
    )


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List leads")),
    retrieve=extend_schema(summary=gettext_lazy("Read a lead")),
    create=extend_schema(summary=gettext_lazy("Create a lead"), request=LeadInput),
    partial_update=extend_schema(summary=gettext_lazy("Change a lead"), request=LeadInput),
)
class LeadViewSet(MergeActions, ConversionActions, WithObject):
    """Requests that came in."""

    queryset = Lead.objects.none()
    record_type = RecordType.LEAD
    model = Lead
    output_class = LeadOutput
    input_class = LeadInput
    filterset_class = LeadFilter
    with_many = ("tags",)
    expandable = ("responsible", "contact", "company", "object", "purpose", "source", "partner")
    ordering_fields = (*WithObject.ordering_fields, "title")

    def perform_create(self, data: dict[str, Any], pipeline: str, columns: dict[str, Any]) -> Lead:
        """Make a lead; the rules of intake take it from there."""
        phones, emails = data.pop("phones", ()), data.pop("emails", ())
        data.setdefault("channel", "api")
        return services.lead_create(
            by=self.actor, data=data, phones=phones, emails=emails, pipeline=pipeline, **columns
        )

    def perform_update(self, record: Lead, data: dict[str, Any]) -> None:
        """Change a lead."""
        phones, emails = data.pop("phones", ()), data.pop("emails", ())
        services.lead_update(record, by=self.actor, data=data, phones=phones, emails=emails)

    @extend_schema(summary=gettext_lazy("Attach to a known client"), request=ClientInput)
    @action(detail=True, methods=["post"])
    def client(self, request: Request, **kwargs: Any) -> Response:
        """Attach the lead to a contact or company: it becomes repeat, its phones become the client's."""
        wish = self.read(ClientInput)
        with transaction.atomic():
            lead = self.locked()
            chosen = {kind: wish.get(kind) for kind in ("contact", "company")}
            if note := wish.get("note"):
                client = client_of_note(note, lead, by=self.caller)
                if client is None:
                    raise NotFound
                chosen[client.RECORD_TYPE] = client
            linking.lead_link_client(lead, **chosen, by=self.actor)
        return self.show(lead.pk)

    @extend_schema(summary=gettext_lazy("Who may it be?"), parameters=[ClientQuery], responses=FoundOutput(many=True))
    @action(detail=True, url_path="client-candidates", filterset_class=None, pagination_class=None)
    def client_candidates(self, request: Request, **kwargs: Any) -> Response:
        """Clients that the lead may be from, by what the caller says of themselves.

        A call-centre operator is shown no more than it takes to recognise one, after four digits or three letters;
        so many searches an hour, each in the audit trail.
        """
        query = ClientQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        with transaction.atomic():
            lead = self.locked()
        return Response(FoundOutput(clients_for(lead, query.validated_data["q"], by=self.caller), many=True).data)

    @extend_schema(summary=gettext_lazy("Share out by the routing table (sales head)"), request=None)
    @action(detail=True, methods=["post"])
    def route(self, request: Request, **kwargs: Any) -> Response:
        """Give the lead to whom the first matching row says; a lead that no row takes stays as it is."""
        with transaction.atomic():
            lead = self.locked()
            require_head(self.caller)
            routing.lead_route(lead, by=self.actor)
        return self.show(lead.pk)

    @extend_schema(summary=gettext_lazy("Take the link to a client back"), request=None)
    @action(detail=True, methods=["post"], url_path="client/undo")
    def unlink(self, request: Request, **kwargs: Any) -> Response:
        """The lead is as it was before it was attached; the client loses the phones and e-mails it got by it."""
        with transaction.atomic():
            lead = self.locked()
            linking.lead_unlink_client(lead, by=self.actor)
        return self.show(lead.pk)

    @extend_schema(summary=gettext_lazy("Mark as spam"), request=None, parameters=[UNDO_HEADER])
    @action(detail=True, methods=["post"])
    def spam(self, request: Request, **kwargs: Any) -> Response:
        """Close the lead as erroneous and put its phones and e-mails on the exclusion list."""
        with transaction.atomic():
            mark = lead_mark_spam(self.locked(), by=self.actor)
        return undoable(self.show(mark.lead.pk), offer_undo(self.caller, [mark]))


router = SimpleRouter()
router.register("leads", LeadViewSet, basename="api-lead")
urlpatterns = router.urls
