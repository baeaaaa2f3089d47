"""Commission in the API: the statement, the lines behind it, the terms; what the pages of commission do (PART-6)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import re_path
from django.utils.translation import gettext, gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Partner, User
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import Day, Input, Reference
from crm.api.views import ApiViewSet
from crm.exporting import XLSX_TYPE
from deals.models import Deal
from partners import commission
from partners.commission_views import pdf_answer, xlsx_answer
from partners.models import CommissionEntry, CommissionRule
from partners.rights import may_manage
from partners.statement import basis_text, commission_partner, period_asked, statement
from partners.views import find_partner

DAYS = {"from", "to"}
PERIOD = [
    OpenApiParameter("from", OpenApiTypes.DATE, description=gettext_lazy("First day; this quarter when not given.")),
    OpenApiParameter("to", OpenApiTypes.DATE, description=gettext_lazy("Last day; today when not given.")),
]
FILES = ("xlsx", "csv", "pdf")
MONEY: dict[str, Any] = {"max_digits": 15, "decimal_places": 2}


class CommissionTermsOutput(serializers.ModelSerializer[CommissionRule]):
    """Terms of commission: from which amount on which percent of the won amount.

    `comment` and `set_by` are for those who keep the terms; others, the partner first of all, get them empty.
    """

    class Meta:
        model = CommissionRule
        fields = ("id", "valid_from", "steps", "span", "comment", "set_at", "set_by")
        read_only_fields = fields

    def to_representation(self, rule: CommissionRule) -> dict[str, Any]:
        """As the page shows them."""
        shown = super().to_representation(rule)
        return shown if may_manage(self.context["request"].user) else {**shown, "comment": "", "set_by": None}


class CommissionStepInput(Input):
    """One step."""

    start = serializers.DecimalField(**MONEY, min_value=0, help_text=gettext_lazy("From what amount."))
    percent = serializers.DecimalField(max_digits=5, decimal_places=2, min_value=0, max_value=100)


class CommissionTermsInput(Input):
    """New terms; what is won already stays as it was computed."""

    steps = CommissionStepInput(many=True)
    span = serializers.ChoiceField(choices=CommissionRule.Span.choices, required=False)
    valid_from = Day(required=False, help_text=gettext_lazy("Not sent: today."))
    comment = serializers.CharField(required=False, allow_blank=True, max_length=300)


class CommissionLineOutput(serializers.ModelSerializer[CommissionEntry]):
    """A line of the ledger, roubles; `basis` is what an accrual was computed of."""

    deal = Reference(read_only=True)
    why = serializers.SerializerMethodField(help_text=gettext_lazy("The basis or the reason in words."))

    class Meta:
        model = CommissionEntry
        fields = ("id", "kind", "day", "deal", "base", "percent", "amount", "why", "basis", "at")
        read_only_fields = fields

    def get_why(self, row: CommissionEntry) -> str:
        """In the language of the caller."""
        return basis_text(row)


def _deals(user: User) -> Any:
    return Deal.objects.visible_to(user)


class CommissionLineInput(Input):
    """A payment, or a correction with its reason."""

    kind = serializers.ChoiceField(
        choices=[(kind.value, kind.label) for kind in (CommissionEntry.Kind.PAYMENT, CommissionEntry.Kind.CORRECTION)]
    )
    amount = serializers.DecimalField(**MONEY, help_text=gettext_lazy("Of a payment above nought."))
    day = Day(required=False, help_text=gettext_lazy("Of a payment; not sent: today."))
    deal = Reference(queryset=_deals, required=False, allow_null=True)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=300)


class CommissionStatementOutput(serializers.Serializer[Any]):
    """A partner's commission of a period, roubles: `closing` is `opening` and the four sums together."""

    partner = serializers.IntegerField(source="partner.pk")
    start = serializers.DateField()
    end = serializers.DateField()
    opening = serializers.DecimalField(**MONEY)
    won = serializers.DecimalField(**MONEY)
    accrued = serializers.DecimalField(**MONEY)
    reversed = serializers.DecimalField(**MONEY)
    corrected = serializers.DecimalField(**MONEY)
    paid = serializers.DecimalField(**MONEY)
    closing = serializers.DecimalField(**MONEY)
    terms = CommissionTermsOutput(many=True)


class CommissionViewSet(ApiViewSet):
    """The commission of one partner: read by those who control partners and by the partner, written by heads."""

    queryset = CommissionEntry.objects.none()
    serializer_class = CommissionLineOutput
    ordering_fields = ("day", "id")
    default_ordering = "day"

    def _partner(self) -> Partner:
        return commission_partner(self.caller, int(self.kwargs["pk"]))

    def _to_write(self) -> Partner:
        return find_partner(self.caller, int(self.kwargs["pk"]), manage=True)

    def _period(self, request: Request) -> tuple[date, date]:
        return period_asked(request.query_params)

    @extend_schema(
        summary=gettext_lazy("Statement of commission"),
        parameters=[*PERIOD, OpenApiParameter("as", str, enum=list(FILES))],
        responses={
            200: CommissionStatementOutput,
            (200, XLSX_TYPE): OpenApiResponse(OpenApiTypes.BINARY),
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY),
            (200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY),
        },
    )
    def statement(self, request: Request, pk: str) -> HttpResponseBase:
        """The sums of a period and the terms, or the whole statement as a file; a partner reads its own."""
        refuse_unknown(request, DAYS | {"as"})
        partner, kind = self._partner(), request.query_params.get("as", "")
        found = statement(self.caller, partner, *self._period(request))
        match kind:
            case "":
                terms = partner.commission_rules.all()  # type: ignore[attr-defined]
                values = {**vars(found), "closing": found.closing, "terms": terms}
                return Response(CommissionStatementOutput(values, context=self.get_serializer_context()).data)
            case "pdf":
                return pdf_answer(request, found)
            case "xlsx" | "csv":
                return xlsx_answer(request, found)
        raise BadRequest({"as": [gettext("Give one of: %(names)s.") % {"names": ", ".join(FILES)}]})

    @extend_schema(summary=gettext_lazy("Lines of the commission ledger"), parameters=PERIOD)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of the lines of a period, the oldest first."""
        refuse_unknown(request, PAGING | DAYS)
        return self.page_of(statement(self.caller, self._partner(), *self._period(request)).entries)

    @extend_schema(
        summary=gettext_lazy("Enter a payment or a correction"),
        request=CommissionLineInput,
        responses={201: CommissionLineOutput},
    )
    def enter(self, request: Request, pk: str) -> Response:
        """One more line of the ledger; lines are never changed."""
        partner, wish = self._to_write(), self.read(CommissionLineInput)
        kind = wish.pop("kind")
        foreign = wish.keys() & ({"deal"} if kind == CommissionEntry.Kind.PAYMENT else {"day"})
        if foreign:
            raise BadRequest({name: [gettext("This kind of line has no such value.")] for name in sorted(foreign)})
        if kind == CommissionEntry.Kind.PAYMENT:
            made = commission.commission_pay(partner, by=self.actor, **wish)
        else:
            made = commission.commission_correct(partner, by=self.actor, **{"reason": "", **wish})
        return Response(CommissionLineOutput(made, context=self.get_serializer_context()).data, status=201)

    @extend_schema(
        summary=gettext_lazy("Agree on terms of commission"),
        request=CommissionTermsInput,
        responses={201: CommissionTermsOutput},
    )
    def terms(self, request: Request, pk: str) -> Response:
        """New terms from a day on; a flat percent is one step from 0."""
        partner, wish = self._to_write(), self.read(CommissionTermsInput)
        steps = [(step["start"], step["percent"]) for step in wish.pop("steps")]
        made = commission.commission_rule_set(partner, by=self.actor, steps=steps, **wish)
        return Response(CommissionTermsOutput(made, context=self.get_serializer_context()).data, status=201)


def _path(tail: str, name: str, **methods: Any) -> Any:
    return re_path(
        rf"^partners/(?P<pk>[0-9]{{1,18}})/commission/{tail}$", CommissionViewSet.as_view(methods), name=f"api-{name}"
    )


urlpatterns = [
    _path("", "commission", get="statement"),
    _path("entries/", "commission-entries", get="list", post="enter"),
    _path("terms/", "commission-terms", post="terms"),
]
