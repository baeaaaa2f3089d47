"""Documents in the API: list, make, look at one before, send, pay, sign, void; the file is one of the deal's files."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from communications.templates_render import Letter
from crm.api.actions import RecordActions
from crm.api.filtering import refuse_unknown
from crm.api.serializers import Input, Reference
from crm.api.views import ApiViewSet
from deals.document_content import WHOLE, Wish
from deals.document_list import DocumentFilter, documents_for, may_list
from deals.document_sending import document_make_and_send, document_send, letter_of, stage_after
from deals.document_states import document_pay, document_sign, document_void, state_of
from deals.document_texts import usual_terms
from deals.documents import document_create, document_preview
from deals.models import Deal, Document

MONEY = {"max_digits": 20, "decimal_places": 2}


class DocumentOutput(serializers.ModelSerializer[Document]):
    """A version of a quote, contract or invoice; its PDF is at `files/{file}/` of the deal."""

    label = serializers.CharField(help_text=gettext_lazy("The number as it is printed."))  # type: ignore[assignment]
    state = serializers.SerializerMethodField()
    deal = Reference(read_only=True)
    file = serializers.IntegerField(source="attachment_id")
    sent_by = Reference(read_only=True)
    letter_state = serializers.CharField(
        source="letter.state", default="", help_text=gettext_lazy("queued, sending, sent, failed; empty: not sent yet.")
    )
    signed_file = serializers.IntegerField(source="signed_file_id", allow_null=True)

    class Meta:
        model = Document
        fields = (
            "id", "kind", "deal", "label", "year", "number", "version", "is_latest", "state", "date", "until",
            "language", "total", "file", "created_at", "sent_at", "sent_to", "sent_by", "letter_state", "paid",
            "paid_on", "signed_on", "signed_file", "voided_at", "void_reason",
        )  # fmt: skip
        read_only_fields = fields

    def get_state(self, document: Document) -> str:
        """How it stands."""
        return state_of(document)


class WishInput(Input):
    """What a document says beside the lines of the deal."""

    kind = serializers.ChoiceField(Document.Kind.choices, default=Document.Kind.QUOTE)
    terms = serializers.CharField(
        required=False, allow_blank=True, max_length=3000, help_text=gettext_lazy("Not sent: the usual ones.")
    )
    until = serializers.DateField(
        required=False, help_text=gettext_lazy("Until when a quote is valid, or an invoice to be paid.")
    )
    language = serializers.ChoiceField(User.Language.choices, default=User.Language.RU)
    share = serializers.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=WHOLE,
        help_text=gettext_lazy("An invoice for so many percent of the sum."),
    )


class DocumentInput(WishInput):
    """A document to be made and, with an address, to be sent at once."""

    is_new = serializers.BooleanField(
        required=False,
        help_text=gettext_lazy("A number of its own (usual for invoices) or the next version of the last one."),
    )
    address = serializers.CharField(
        required=False, max_length=254, help_text=gettext_lazy("An e-mail of the deal's contact or company.")
    )
    data = serializers.DictField(  # type: ignore[assignment]
        child=serializers.JSONField(allow_null=True), required=False,
        help_text=gettext_lazy("Fields that the deal's move on asks for; without a move not looked at."),
    )  # fmt: skip


class SendInput(Input):
    """To whom a document goes, and with which words."""

    address = serializers.CharField(
        max_length=254, help_text=gettext_lazy("An e-mail of the deal's contact or company.")
    )
    subject = serializers.CharField(
        required=False, max_length=255, help_text=gettext_lazy("Not sent: of the template.")
    )
    text = serializers.CharField(
        required=False, max_length=20_000, trim_whitespace=False, help_text=gettext_lazy("Not sent: of the template.")
    )
    data = serializers.DictField(  # type: ignore[assignment]
        child=serializers.JSONField(allow_null=True), required=False,
        help_text=gettext_lazy("Fields that the deal's move on asks for; without a move not looked at."),
    )  # fmt: skip


class PayInput(Input):
    """How much of an invoice is paid in all; 0 takes the payment back."""

    paid = serializers.DecimalField(**MONEY, min_value=0)  # type: ignore[arg-type]
    paid_on = serializers.DateField(required=False, allow_null=True)


class SignInput(Input):
    """When a contract was signed and under which number; the scan as multipart/form-data."""

    signed_on = serializers.DateField()
    number = serializers.CharField(required=False, allow_blank=True, max_length=50)
    scan = serializers.FileField(required=False)


class VoidInput(Input):
    """Why a document is void."""

    reason = serializers.CharField(max_length=500)


ASKED = OpenApiExample(
    "a quote, sent at once by the template",
    value={"kind": "quote", "terms": "Аванс 50 %", "until": "2026-03-16", "address": "petr@example.org"},
    request_only=True,
)
HALF = OpenApiExample("an invoice for half of the sum", value={"kind": "invoice", "share": "50.00"}, request_only=True)
LETTER = OpenApiExample(
    "a letter of one's own",
    value={
        "address": "petr@example.org",
        "subject": "Коммерческое предложение КП-12/2026",
        "text": "Здравствуйте, Пётр Иванович! Предложение во вложении.",
    },
    request_only=True,
)
DOCUMENT = OpenApiParameter("document", int, OpenApiParameter.PATH)
PDF = {(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY)}


def _wish(given: dict[str, Any]) -> Wish:
    """The wish; terms that were not sent are the usual ones."""
    kind, language = given["kind"], given["language"]
    terms = given["terms"] if "terms" in given else usual_terms(kind, language)
    return Wish(kind, terms, given.get("until"), language, given["share"])


class DocumentActions(RecordActions):
    """Documents of a deal; partners do not see the manufacturer's."""

    @extend_schema(
        methods=["GET"], summary=gettext_lazy("Documents of a deal"), responses=DocumentOutput(many=True),
        parameters=[OpenApiParameter("kind", str, enum=Document.Kind.values)],
    )  # fmt: skip
    @extend_schema(
        methods=["POST"], summary=gettext_lazy("Make a document"), request=DocumentInput,
        responses={201: DocumentOutput}, examples=[ASKED, HALF],
    )  # fmt: skip
    @action(detail=True, methods=["get", "post"], filterset_class=None, pagination_class=None)
    def documents(self, request: Request, **kwargs: Any) -> Response:
        """All versions, the latest first; or one more, of the lines as they are now, sent at once with `address`."""
        self._keep_partners_out()
        if request.method != "POST":
            refuse_unknown(request, {"kind"})
            rows = self.get_object().documents.select_related("letter")
            if kind := request.query_params.get("kind"):
                rows = rows.filter(kind=kind)
            return Response(DocumentOutput(rows, many=True, context=self.get_serializer_context()).data)
        given = self.read(DocumentInput)
        with transaction.atomic():
            deal: Deal = self.locked()
            if "address" in given:
                made = document_make_and_send(
                    deal, wish=_wish(given), is_new=given.get("is_new"), address=given["address"], by=self.actor,
                    data=self._data(deal, given["kind"], given),
                )  # fmt: skip
            else:
                made = document_create(deal, by=self.actor, wish=_wish(given), is_new=given.get("is_new"))
        return self._shown(made, 201)

    @extend_schema(
        methods=["GET"], summary=gettext_lazy("Look at a document before it is made"), responses=PDF,
        parameters=[OpenApiParameter("kind", str, enum=Document.Kind.values)],
    )  # fmt: skip
    @extend_schema(
        methods=["POST"], summary=gettext_lazy("Look at a document before it is made"), request=WishInput, responses=PDF
    )
    @action(
        detail=True, methods=["get", "post"], url_path="documents/preview", filterset_class=None, pagination_class=None
    )
    def document_preview(self, request: Request, **kwargs: Any) -> HttpResponse:
        """The PDF as it would be, without a number; nothing is kept. POST says terms and day, GET takes the usual."""
        self._keep_partners_out()
        if request.method == "POST":
            given = self.read(WishInput)
        else:
            refuse_unknown(request, {"kind"})
            body = WishInput(data=request.query_params.dict(), context=self.get_serializer_context())
            body.is_valid(raise_exception=True)
            given = dict(body.validated_data)
        made = document_preview(self.get_object(), wish=_wish(given))
        return HttpResponse(made, content_type="application/pdf")

    @extend_schema(
        summary=gettext_lazy("Send a document to the client"), request=SendInput, responses=DocumentOutput,
        examples=[LETTER], parameters=[DOCUMENT],
    )  # fmt: skip
    @action(
        detail=True, methods=["post"], url_path=r"documents/(?P<document>[0-9]{1,18})/send", filterset_class=None,
        pagination_class=None,
    )  # fmt: skip
    def document_send(self, request: Request, document: str, **kwargs: Any) -> Response:
        """A letter with the PDF; a quote or a contract moves the deal on, 422 lists what that stage lacks.

        The same document to the same address twice within a minute is one letter.
        """
        given = self.read(SendInput)
        with transaction.atomic():
            found = self._document(document)
            # The template is asked only for what was not sent: it may need what the deal does not have.
            letter = letter_of(found) if {"subject", "text"} - given.keys() else Letter("", "")
            made = document_send(
                found, address=given["address"], subject=given.get("subject", letter.subject),
                text=given.get("text", letter.text), by=self.actor, data=self._data(found.deal, found.kind, given),
            )  # fmt: skip
        return self._shown(made)

    @extend_schema(
        summary=gettext_lazy("Note the payment of an invoice"), request=PayInput, responses=DocumentOutput,
        parameters=[DOCUMENT],
    )  # fmt: skip
    @action(
        detail=True, methods=["post"], url_path=r"documents/(?P<document>[0-9]{1,18})/pay", filterset_class=None,
        pagination_class=None,
    )  # fmt: skip
    def document_pay(self, request: Request, document: str, **kwargs: Any) -> Response:
        """How much is paid in all, and when the last of it came."""
        given = self.read(PayInput)
        with transaction.atomic():
            found = self._document(document)
            made = document_pay(found, paid=given["paid"], paid_on=given.get("paid_on"), by=self.actor)
        return self._shown(made)

    @extend_schema(
        summary=gettext_lazy("Mark a contract as signed"), parameters=[DOCUMENT], responses=DocumentOutput,
        request={"application/json": SignInput, "multipart/form-data": SignInput},
    )  # fmt: skip
    @action(
        detail=True, methods=["post"], url_path=r"documents/(?P<document>[0-9]{1,18})/sign", filterset_class=None,
        pagination_class=None,
    )  # fmt: skip
    def document_sign(self, request: Request, document: str, **kwargs: Any) -> Response:
        """The deal takes number and day over and goes to «Contract signed» where it may; 422 lists what it lacks."""
        given = self.read(SignInput)
        with transaction.atomic():
            made = document_sign(self._document(document), by=self.actor, **given)
        return self._shown(made)

    @extend_schema(
        summary=gettext_lazy("Declare a document void"), request=VoidInput, responses=DocumentOutput,
        parameters=[DOCUMENT],
    )  # fmt: skip
    @action(
        detail=True, methods=["post"], url_path=r"documents/(?P<document>[0-9]{1,18})/void", filterset_class=None,
        pagination_class=None,
    )  # fmt: skip
    def document_void(self, request: Request, document: str, **kwargs: Any) -> Response:
        """All versions of the number are void from now on; the files stay."""
        given = self.read(VoidInput)
        with transaction.atomic():
            made = document_void(self._document(document), reason=given["reason"], by=self.actor)
        return self._shown(made)

    def _keep_partners_out(self) -> None:
        if self.caller.is_partner:
            raise PermissionDenied

    def _document(self, pk: str) -> Document:
        """A document of the deal, locked with it."""
        self._keep_partners_out()
        deal: Deal = self.locked()
        found: Document | None = deal.documents.filter(pk=int(pk)).first()
        if found is None:
            raise Http404
        found.deal = deal
        return found

    def _data(self, deal: Deal, kind: str, given: dict[str, Any]) -> dict[str, Any] | None:
        target = stage_after(deal, kind, self.actor)
        return self._move_data(deal, {"to": target.code, "data": given.get("data")}) if target else None

    def _shown(self, document: Document, status: int = 200) -> Response:
        return Response(DocumentOutput(document, context=self.get_serializer_context()).data, status=status)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List documents")),
    retrieve=extend_schema(summary=gettext_lazy("Read a document")),
)
class DocumentViewSet(ApiViewSet):
    """Quotes, contracts and invoices of the deals in the caller's sight; they are made on their deal."""

    queryset = Document.objects.none()
    serializer_class = DocumentOutput
    filterset_class = DocumentFilter
    ordering_fields = ("date", "until", "total", "id")
    default_ordering = "-date"

    def get_queryset(self) -> Any:
        """The documents in the caller's sight."""
        return documents_for(self.caller).order_by() if may_list(self.caller) else Document.objects.none()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of documents, cut by the same filter as the list of the browser; `state=awaited` is what is owed."""
        return self.page_of(self.filter_queryset(self.get_queryset()))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One document."""
        refuse_unknown(request, set())
        found = self.get_queryset().filter(pk=int(kwargs["pk"])).first()
        if found is None:
            raise Http404
        return Response(self.get_serializer(found).data)
