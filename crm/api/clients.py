"""Contacts and companies."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import clients, duplicates
from crm.api.bulk import BulkActions
from crm.api.duplicates import MatchOutput
from crm.api.filtering import refuse_unknown
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
    email_list,
    phone_list,
    visible,
)
from crm.api.undo import UNDO_HEADER
from crm.api.views import ApiViewSet
from crm.client_search import find_clients
from crm.contact_points import points_of, remove_point
from crm.filters import CompanyFilter, ContactFilter
from crm.models import ATTRIBUTION_FIELDS, Company, Contact, ContactPoint, RecordType, Source
from crm.people import assignable

PLACE = ("address", "region", "city")
CLIENT_INTERNALS = ("comment", "created_by", "source", "refusal_reason", "refusal_comment", *ATTRIBUTION_FIELDS)
COMPANY_OWN = (
    "name", "client_type", "inn", "kpp", "legal_address", "ogrn", "bank", "bik", "account", "corr_account", "signatory",
    "site", "comment", *PLACE,
)  # fmt: skip
CONTACT_OWN = (
    "last_name", "first_name", "patronymic", "position", "client_type", "preferred_channel", "messages_consent",
    "consent_note", "comment", *PLACE,
)  # fmt: skip


class PointOutput(serializers.ModelSerializer[ContactPoint]):
    """A phone or an address."""

    class Meta:
        model = ContactPoint
        fields = ("id", "kind", "value", "original", "extension", "is_primary")
        read_only_fields = fields


class CompanyOutput(PointsMixin, RecordOutput):
    """A company."""

    internal_fields = CLIENT_INTERNALS

    class Meta:
        model = Company
        fields = (*HEAD, *COMPANY_OWN, "phones", "emails", *ATTRIBUTION_FIELDS, *TAIL)
        read_only_fields = fields


class ContactOutput(PointsMixin, RecordOutput):
    """A person."""

    internal_fields = CLIENT_INTERNALS

    name = serializers.CharField(source="full_name", read_only=True)
    company = Reference(read_only=True, guarded="company=crm.Company")

    class Meta:
        model = Contact
        fields = (*HEAD, "name", *CONTACT_OWN, "company", "phones", "emails", *ATTRIBUTION_FIELDS, *TAIL)
        read_only_fields = fields


class CompanyInput(RecordInput):
    """What may be set on a company; phones and e-mails are added to those it has."""

    phones = phone_list()
    emails = email_list()
    inn = serializers.CharField(required=False, allow_blank=True, max_length=30)
    source = Coded(queryset=Source.objects.all(), required=False, allow_null=True)  # type: ignore[assignment]
    responsible = Reference(queryset=assignable, required=False, allow_null=True)
    click_ids = ClickIds(required=False)

    class Meta:
        model = Company
        fields = (*COMPANY_OWN, "phones", "emails", "responsible", *ATTRIBUTION_FIELDS)


class ContactInput(RecordInput):
    """What may be set on a contact; `name` is split into its parts, phones and e-mails are added to those it has."""

    name = serializers.CharField(required=False, max_length=300)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=100)
    phones = phone_list()
    emails = email_list()
    company = Reference(queryset=visible("crm.Company"), required=False, allow_null=True)
    source = Coded(queryset=Source.objects.all(), required=False, allow_null=True)  # type: ignore[assignment]
    responsible = Reference(queryset=assignable, required=False, allow_null=True)
    click_ids = ClickIds(required=False)

    class Meta:
        model = Contact
        fields = ("name", *CONTACT_OWN, "company", "phones", "emails", "responsible", *ATTRIBUTION_FIELDS)


class MatchQuery(Input):
    """What is known of a client."""

    phones = serializers.CharField(required=False, allow_blank=True, max_length=500)
    emails = serializers.CharField(required=False, allow_blank=True, max_length=500)
    inn = serializers.CharField(required=False, allow_blank=True, max_length=30)
    name = serializers.CharField(required=False, allow_blank=True, max_length=300)
    company_name = serializers.CharField(required=False, allow_blank=True, max_length=300)


class MatchViewSet(ApiViewSet):
    """Is this client known? The warning of duplicates that forms show (LEAD-14)."""

    queryset = Contact.objects.none()
    serializer_class = MatchOutput
    pagination_class = None

    @extend_schema(
        summary=gettext_lazy("Find a known client"), parameters=[MatchQuery], responses=MatchOutput(many=True)
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Contacts, companies and open leads with one of the phones, e-mails, the INN, or a similar name."""
        query = MatchQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        found = duplicates.client_matches(**query.validated_data, user=request.user)
        return Response(MatchOutput(found, many=True).data)


class ClientQuery(Input):
    """What a caller says of themselves."""

    q = serializers.CharField(min_length=2, max_length=200)


class FoundOutput(serializers.Serializer[Any]):
    """A contact or a company, with what tells it from its namesakes."""

    record_type = serializers.CharField(source="record.RECORD_TYPE")
    id = serializers.IntegerField(source="record.pk", allow_null=True)
    name = serializers.CharField(source="record")
    points = serializers.ListField(child=serializers.CharField())
    notes = serializers.ListField(child=serializers.CharField())
    note = serializers.CharField(
        help_text=gettext_lazy("By what an operator, who sees no clients, chooses one of them; empty for all others.")
    )

    def to_representation(self, instance: Any) -> Any:
        shown = super().to_representation(instance)
        return {**shown, "id": None} if instance.note else shown


class ClientSearchViewSet(ApiViewSet):
    """Contacts and companies by a name, any tail of a phone, an INN or an e-mail (LEAD-12)."""

    queryset = Contact.objects.none()
    serializer_class = FoundOutput
    pagination_class = None

    @extend_schema(summary=gettext_lazy("Search clients"), parameters=[ClientQuery], responses=FoundOutput(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Up to eight that the caller may see; those whose number ends in the digits come first."""
        query = ClientQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        return Response(FoundOutput(find_clients(query.validated_data["q"], request.user), many=True).data)


class ClientViewSet(MergeActions, BulkActions):
    """What contacts and companies share: their phones and addresses one by one."""

    @extend_schema(summary=gettext_lazy("Phones and addresses"), responses=PointOutput(many=True))
    @action(detail=True, filterset_class=None, pagination_class=None)
    def points(self, request: Request, **kwargs: Any) -> Response:
        """All phones, e-mails and messenger ids of the client, the main ones first."""
        refuse_unknown(request, set())
        return Response(PointOutput(points_of(self.get_object()), many=True).data)

    @extend_schema(
        summary=gettext_lazy("Take a phone or address away"),
        parameters=[OpenApiParameter("point_id", int, OpenApiParameter.PATH)],
        request=None,
        responses={204: None},
    )
    @action(detail=True, methods=["delete"], url_path=r"points/(?P<point_id>[0-9]{1,18})", url_name="point")
    def point(self, request: Request, point_id: str, **kwargs: Any) -> Response:
        """Take one phone or address from the client; calls from it are no longer recognised."""
        with transaction.atomic():
            record = self.locked()
            if int(point_id) not in {point.pk for point in points_of(record)}:
                raise Http404
            remove_point(record, int(point_id))
        return Response(status=204)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List contacts")),
    retrieve=extend_schema(summary=gettext_lazy("Read a contact")),
    create=extend_schema(summary=gettext_lazy("Create a contact"), request=ContactInput),
    partial_update=extend_schema(summary=gettext_lazy("Change a contact"), request=ContactInput),
)
class ContactViewSet(ClientViewSet):
    """People: moved through their stages by the deals tied to them."""

    queryset = Contact.objects.none()
    record_type = RecordType.CONTACT
    model = Contact
    output_class = ContactOutput
    input_class = ContactInput
    filterset_class = ContactFilter
    expandable = ("responsible", "company", "source")
    ordering_fields = (*ClientViewSet.ordering_fields, "last_name")

    def perform_create(self, data: dict[str, Any], pipeline: str, columns: dict[str, Any]) -> Contact:
        """Make a contact; a manager who makes one is responsible for it."""
        phones, emails = data.pop("phones", ()), data.pop("emails", ())
        data.setdefault("responsible", self.own())
        return clients.contact_create(by=self.actor, data=data, phones=phones, emails=emails)

    def perform_update(self, record: Contact, data: dict[str, Any]) -> None:
        """Change a contact."""
        phones, emails = data.pop("phones", ()), data.pop("emails", ())
        clients.contact_update(record, by=self.actor, data=data, phones=phones, emails=emails)

    @extend_schema(summary=gettext_lazy("Give to the person of the company"), request=None, parameters=[UNDO_HEADER])
    @action(detail=True, methods=["post"], url_path="follow-company")
    def follow_company(self, request: Request, **kwargs: Any) -> Response:
        """Make whoever is responsible for the company responsible for the contact too; 422 without such a person."""
        with transaction.atomic():
            contact = self.locked()
            former = contact.responsible_id
            clients.contact_follow_company(contact, by=self.actor)
        return self.assigned(contact, former)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List companies")),
    retrieve=extend_schema(summary=gettext_lazy("Read a company")),
    create=extend_schema(summary=gettext_lazy("Create a company"), request=CompanyInput),
    partial_update=extend_schema(summary=gettext_lazy("Change a company"), request=CompanyInput),
)
class CompanyViewSet(ClientViewSet):
    """Legal entities: moved through their stages by the deals tied to them."""

    queryset = Company.objects.none()
    record_type = RecordType.COMPANY
    model = Company
    output_class = CompanyOutput
    input_class = CompanyInput
    filterset_class = CompanyFilter
    expandable = ("responsible", "source")
    ordering_fields = (*ClientViewSet.ordering_fields, "name")

    def perform_create(self, data: dict[str, Any], pipeline: str, columns: dict[str, Any]) -> Company:
        """Make a company; a manager who makes one is responsible for it."""
        phones, emails = data.pop("phones", ()), data.pop("emails", ())
        data.setdefault("responsible", self.own())
        return clients.company_create(by=self.actor, data=data, phones=phones, emails=emails)

    def perform_update(self, record: Company, data: dict[str, Any]) -> None:
        """Change a company."""
        phones, emails = data.pop("phones", ()), data.pop("emails", ())
        clients.company_update(record, by=self.actor, data=data, phones=phones, emails=emails)
