"""Conversion of a lead by API: what is proposed, and doing it (LEAD-10, LEAD-11)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.duplicates import MatchOutput
from crm.api.filtering import refuse_unknown
from crm.api.merging import Key
from crm.api.serializers import Input, RecordInput
from crm.api.views import RecordViewSet
from crm.models import Company, Contact
from crm.visibility import visible_record
from deals.models import Deal
from leads import conversion
from leads.conversion_preview import preview
from leads.rights import require_converter
from leads.unconversion import hindrances, latest_conversion, made_by, undo_conversion


class NewContact(RecordInput):
    """The fields of a new contact; `name` is split into its parts."""

    name = serializers.CharField(required=False, allow_blank=True, max_length=300)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=100)

    class Meta:
        model = Contact
        fields = ("name", "last_name", "first_name", "patronymic", "position")


class NewCompany(RecordInput):
    """The fields of a new company."""

    name = serializers.CharField(required=False, max_length=255)
    inn = serializers.CharField(required=False, allow_blank=True, max_length=30)

    class Meta:
        model = Company
        fields = ("name", "inn", "kpp", "legal_address", "site")


class NewDeal(RecordInput):
    """The fields of a new deal that differ from the lead's."""

    title = serializers.CharField(required=False, allow_blank=True, max_length=255)

    class Meta:
        model = Deal
        fields = ("title", "amount", "expected_close_date", "construction_start")


class ConvertInput(Input):
    """Who the client is; existing records by id, new ones by their fields."""

    kind = serializers.ChoiceField(
        conversion.KINDS, help_text=gettext_lazy("company: a legal entity; person; contact_only: no deal.")
    )
    contact_id = Key(required=False, allow_null=True)
    company_id = Key(required=False, allow_null=True)
    deal_id = Key(required=False, allow_null=True, help_text=gettext_lazy("An open deal that the request joins."))
    contact = NewContact(required=False)
    company = NewCompany(required=False)
    deal = NewDeal(required=False)
    point_owners = serializers.DictField(
        child=serializers.ChoiceField(("contact", "company")),
        required=False,
        help_text=gettext_lazy("Phone or e-mail → whose it is."),
    )


class ConversionOutput(serializers.Serializer[Any]):
    """What the lead became; `is_repeat` when it had been converted before and nothing was made now."""

    lead = serializers.IntegerField()
    contact = serializers.IntegerField(allow_null=True)
    company = serializers.IntegerField(allow_null=True)
    deal = serializers.IntegerField(allow_null=True)
    is_repeat = serializers.BooleanField()


class PlannedPointOutput(serializers.Serializer[Any]):
    """A phone or e-mail of the lead and who is going to own it."""

    kind = serializers.CharField()
    value = serializers.CharField()
    shown = serializers.CharField()
    owner = serializers.CharField()


class PlanOutput(serializers.Serializer[Any]):
    """What is proposed; nothing is written."""

    kind = serializers.CharField()
    contact = serializers.DictField(child=serializers.CharField(allow_blank=True))
    company = serializers.DictField(child=serializers.CharField(allow_blank=True))
    contact_id = serializers.IntegerField(allow_null=True)
    company_id = serializers.IntegerField(allow_null=True)
    name_is_missing = serializers.BooleanField()
    points = PlannedPointOutput(many=True)
    contact_matches = MatchOutput(many=True)
    company_matches = MatchOutput(many=True)
    deals = serializers.SerializerMethodField()
    done = serializers.SerializerMethodField()

    def get_deals(self, plan: conversion.ConversionPlan) -> list[dict[str, Any]]:
        return [{"id": deal.pk, "name": str(deal)} for deal in plan.deals]

    def get_done(self, plan: conversion.ConversionPlan) -> bool:
        return plan.done is not None


class PreviewLineOutput(serializers.Serializer[Any]):
    """A record that the lead would become, and the phones and e-mails it would get."""

    record_type = serializers.CharField()
    name = serializers.CharField()
    is_new = serializers.BooleanField()
    points = serializers.ListField(child=serializers.CharField())


class PreviewOutput(serializers.Serializer[Any]):
    """What a conversion would make, or why it cannot be done."""

    lines = PreviewLineOutput(many=True)
    problem = serializers.CharField(allow_blank=True)


CONVERTED = PolymorphicProxySerializer("Converted", [ConversionOutput, PreviewOutput], resource_type_field_name=None)
DRY_RUN = OpenApiParameter("dry_run", bool, description=gettext_lazy("Show what it would make, keep nothing."))


class MadeOutput(serializers.Serializer[Any]):
    """A record that the conversion made."""

    record_type = serializers.CharField()
    id = serializers.IntegerField()


class UndoOutput(serializers.Serializer[Any]):
    """May the conversion be undone, what hinders it, and what would go to the trash."""

    can_undo = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())
    made = MadeOutput(many=True)


class ConversionActions(RecordViewSet):
    """The conversion, as actions of a lead."""

    @extend_schema(
        methods=["GET"],
        summary=gettext_lazy("What a conversion would make"),
        responses=PlanOutput,
        operation_id="leads_conversion_plan",
    )
    @extend_schema(
        methods=["POST"],
        summary=gettext_lazy("Convert"),
        request=ConvertInput,
        responses=CONVERTED,
        parameters=[DRY_RUN],
        operation_id="leads_convert",
    )
    @action(detail=True, methods=["get", "post"], filterset_class=None, pagination_class=None)
    def convert(self, request: Request, **kwargs: Any) -> Response:
        """Look at the proposal (GET), or make contact, company and deal in one transaction; twice makes one."""
        if request.method != "POST":
            refuse_unknown(request, set())
            require_converter(self.actor)
            return Response(PlanOutput(conversion.plan(self.get_object(), request.user)).data)
        choice = conversion.ConversionChoice(**self.read(ConvertInput))
        lead = self.get_object()
        if request.query_params.get("dry_run", "0").lower() in {"1", "true"}:
            shown = preview(lead_id=lead.pk, by=self.actor, choice=choice)
            return Response(PreviewOutput(shown).data)
        done = conversion.convert(lead_id=lead.pk, by=self.actor, choice=choice)
        body = {
            "lead": done.lead.pk,
            "contact": self._id(done.contact),
            "company": self._id(done.company),
            "deal": self._id(done.deal),
            "is_repeat": done.is_repeat,
        }
        return Response(ConversionOutput(body).data)

    @extend_schema(
        methods=["GET"],
        summary=gettext_lazy("What hinders the undo of a conversion"),
        responses=UndoOutput,
        operation_id="leads_conversion_undo_plan",
    )
    @extend_schema(
        methods=["POST"],
        summary=gettext_lazy("Undo a conversion"),
        request=None,
        operation_id="leads_conversion_undo",
    )
    @action(detail=True, methods=["get", "post"], url_path="convert/undo", filterset_class=None, pagination_class=None)
    def unconvert(self, request: Request, **kwargs: Any) -> Response:
        """See whether a conversion can be undone (GET), or undo it while nothing new hangs on what it made.

        The made records go to the trash, the lead is open again; 409 names what hangs on them.
        """
        lead = self.get_object()
        if request.method != "POST":
            refuse_unknown(request, set())
            conversion = latest_conversion(lead)
            rows = made_by(conversion) if conversion else []
            made = [
                {"record_type": row.RECORD_TYPE, "id": row.pk}
                for row in rows
                if visible_record(row.RECORD_TYPE, row.pk, self.caller)
            ]
            reasons = [str(item) for item in hindrances(conversion, request.user)] if conversion else []
            body = {"can_undo": conversion is not None and not reasons, "reasons": reasons, "made": made}
            return Response(UndoOutput(body).data)
        undo_conversion(lead_id=lead.pk, by=self.actor)
        return self.show(lead.pk)

    def _id(self, record: Any) -> int | None:
        """The id of a record that is in the caller's sight (what was made long ago may not be)."""
        if record is None:
            return None
        rows = type(record)._default_manager.visible_to(self.request.user)
        found: int | None = rows.filter(pk=record.pk).values_list("pk", flat=True).first()
        return found
