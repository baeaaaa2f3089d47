"""Web forms and their posts in the API: build a form, say what a site's fields are, look at posts, process again."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from accounts.models import User
from accounts.selectors import RESPONSIBLE_ROLES
from communications import web_forms
from communications.channels.webform.transport import Parsed
from communications.learning import fields_seen, posts_read_again
from communications.models import Submission, WebForm
from communications.processing import submission_reprocess
from communications.trial import submission_try
from crm.api.filtering import PAGING, refuse_unknown
from crm.api.serializers import Coded, Input, Reference
from crm.api.views import ApiViewSet
from crm.attribution import UTM_MARKS
from crm.models import Source
from crm.settings_audit import require_head

FORM_FIELDS = (
    "name", "source", "responsible", "is_active", "language", "title", "intro", "fields", "button", "thanks",
    "redirect_url", "colour", "background", "consent_text", "consent_required", "marks", "allowed_origins",
    "min_seconds", "asks_work", "field_map",
)  # fmt: skip


class FormFieldData(Input):
    """A field of a form: what it is to us (`meaning`, empty: only text of the request) and how it is filled in."""

    key = serializers.CharField(required=False, allow_blank=True, max_length=40)
    meaning = serializers.ChoiceField(choices=web_forms.FIELD_MEANINGS, required=False, allow_blank=True)
    type = serializers.ChoiceField(choices=list(web_forms.TYPES), required=False)
    label = serializers.CharField(required=False, allow_blank=True, max_length=150)  # type: ignore[assignment]
    required = serializers.BooleanField(required=False)  # type: ignore[assignment]
    options = serializers.ListField(
        child=serializers.CharField(max_length=150), required=False, max_length=web_forms.MAX_OPTIONS
    )


class MarksData(Input):
    """The five UTM marks."""

    def get_fields(self) -> dict[str, Any]:
        """One text for each mark."""
        return {name: serializers.CharField(required=False, allow_blank=True, max_length=255) for name in UTM_MARKS}


class WebFormOutput(serializers.ModelSerializer[WebForm]):
    """A form; `key` is in its addresses, `consent_version` is the number that a post sends as `_consent`."""

    class Meta:
        model = WebForm
        fields = ("id", "key", *FORM_FIELDS, "consent_version", "held_back", "created_at")
        read_only_fields = fields


# The model's own name "fields" would hide the serializer's; it is put in by name.
WebFormOutput._declared_fields["fields"] = FormFieldData(many=True, read_only=True)
WebFormOutput._declared_fields["redirect_url"] = serializers.CharField(read_only=True)
WebFormOutput._declared_fields["language"] = serializers.CharField(read_only=True)
WebFormOutput._declared_fields["responsible"] = Reference(read_only=True)
WebFormOutput._declared_fields["marks"] = serializers.DictField(child=serializers.CharField(), read_only=True)
WebFormOutput._declared_fields["field_map"] = serializers.DictField(child=serializers.CharField(), read_only=True)
WebFormOutput._declared_fields["allowed_origins"] = serializers.ListField(child=serializers.CharField(), read_only=True)


def _people(_user: Any) -> Any:
    return User.objects.filter(is_active=True, partner__isnull=True, role__in=RESPONSIBLE_ROLES)


class WebFormInput(Input):
    """What is set up of a form."""

    name = serializers.CharField(max_length=150)
    source = Coded(queryset=Source.objects.all(), required=False, allow_null=True)  # type: ignore[assignment]
    responsible = Reference(queryset=_people, required=False, allow_null=True)
    is_active = serializers.BooleanField(required=False)
    language = serializers.RegexField(
        r"^(ru|en)?$", required=False, allow_blank=True, help_text=gettext_lazy("ru, en, or empty for the visitor's.")
    )
    title = serializers.CharField(required=False, allow_blank=True, max_length=150)
    intro = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    button = serializers.CharField(required=False, allow_blank=True, max_length=60)
    thanks = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    redirect_url = serializers.URLField(required=False, allow_blank=True, max_length=500)
    colour = serializers.RegexField(r"^#[0-9a-fA-F]{6}$", required=False)
    background = serializers.RegexField(r"^#[0-9a-fA-F]{6}$", required=False)
    consent_text = serializers.CharField(required=False, allow_blank=True, max_length=4000)
    consent_required = serializers.BooleanField(required=False)
    marks = MarksData(required=False)
    allowed_origins = serializers.ListField(
        child=serializers.CharField(max_length=300), required=False, max_length=web_forms.MAX_ORIGINS
    )
    min_seconds = serializers.IntegerField(required=False, min_value=0, max_value=600)
    asks_work = serializers.BooleanField(
        required=False,
        help_text=gettext_lazy("Proof of work: the browser solves a task while the visitor types (page and snippet)."),
    )
    field_map = serializers.DictField(
        child=serializers.CharField(max_length=50),
        required=False,
        help_text=gettext_lazy("Names on the site and what they mean: phone, utm_source …; - is the text alone."),
    )


WebFormInput._declared_fields["fields"] = FormFieldData(many=True, required=False)


class SeenFieldOutput(serializers.Serializer[Any]):
    """A field name of the latest posts: samples, what it is taken for, what was said of it."""

    name = serializers.CharField()
    guess = serializers.CharField()
    chosen = serializers.CharField()
    count = serializers.IntegerField()
    samples = serializers.ListField(child=serializers.CharField())


class ReadAgainOutput(serializers.Serializer[Any]):
    """How many posts are being processed again, and how many open leads were completed."""

    queued = serializers.IntegerField()
    completed = serializers.IntegerField()


class TrialInput(Input):
    """A post as it might come, by the names of its fields."""

    data = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(allow_blank=True, max_length=20_000)
    )


class TrialOutput(serializers.Serializer[Any]):
    """The lead that would be made (null: none, and `error` says why), what was not understood, the steps of its way."""

    lead = serializers.DictField(allow_null=True)
    error = serializers.CharField()
    problems = serializers.ListField(child=serializers.DictField())
    steps = serializers.ListField(child=serializers.CharField())


class SubmissionOutput(serializers.ModelSerializer[Submission]):
    """A post of a form; `pairs` are its fields in order, `problems` what was not understood or not kept."""

    form = Reference(read_only=True)
    lead = serializers.IntegerField(source="lead_id", read_only=True, allow_null=True)
    pairs = serializers.SerializerMethodField()
    problems = serializers.ListField(child=serializers.DictField(), read_only=True)
    consent_version = serializers.IntegerField(source="consent.version", read_only=True, default=None)
    duplicate_of = Reference(read_only=True)

    class Meta:
        model = Submission
        fields = (
            "id", "form", "received_at", "state", "error", "problems", "lead", "duplicate_of",
            "consent_version", "pairs",
        )  # fmt: skip
        read_only_fields = fields

    def get_pairs(self, row: Submission) -> list[list[str]]:
        return [[str(name), str(value)] for name, value in (pair for pair in row.fields if len(pair) == 2)]


class SubmissionFilter(django_filters.FilterSet):
    """Posts of one form, in one state, of some days."""

    form = django_filters.NumberFilter(field_name="form_id", min_value=1, max_value=2**63 - 1)
    state = django_filters.ChoiceFilter(choices=Submission.State.choices)
    received_from = django_filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="gte")

    class Meta:
        model = Submission
        fields = ("form", "state", "received_from")


class HeadViewSet(ApiViewSet):
    """A resource of the settings: for the sales head and the administrator."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Only those who keep the settings."""
        super().initial(request, *args, **kwargs)
        require_head(self.caller)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List web forms"), responses=WebFormOutput(many=True)),
    retrieve=extend_schema(summary=gettext_lazy("Read a web form"), responses=WebFormOutput),
    create=extend_schema(summary=gettext_lazy("Make a web form"), request=WebFormInput, responses={201: WebFormOutput}),
    partial_update=extend_schema(
        summary=gettext_lazy("Change a web form"), request=WebFormInput, responses=WebFormOutput
    ),
)
class WebFormViewSet(HeadViewSet):
    """Forms whose posts become leads; sites post to `/api/v1/forms/{key}/submissions/` without a token."""

    queryset = WebForm.objects.none()
    serializer_class = WebFormOutput
    pagination_class = None

    def _row(self) -> WebForm:
        row = WebForm.objects.select_related("source", "responsible").filter(pk=self.kwargs["pk"]).first()
        if row is None:
            raise Http404
        return row

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All forms; there are a few dozen."""
        refuse_unknown(request, set())
        rows = WebForm.objects.select_related("source", "responsible").order_by("name", "pk")
        return Response(self.get_serializer(rows, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One form."""
        refuse_unknown(request, set())
        return Response(self.get_serializer(self._row()).data)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new form, in use at once."""
        made = web_forms.web_form_create(data=self.read(WebFormInput), by=self.actor)
        return Response(self.get_serializer(made).data, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is given; another wording of the consent becomes its next version."""
        row = web_forms.web_form_change(self._row(), data=self.read(WebFormInput, partial=True), by=self.actor)
        return Response(self.get_serializer(row).data)

    @extend_schema(
        summary=gettext_lazy("What came under which names"), responses=SeenFieldOutput(many=True), filters=False
    )
    @action(detail=True, methods=["get"], url_path="seen-fields")
    def seen_fields(self, request: Request, pk: str) -> Response:
        """The field names of the latest posts; say what they are by `field_map` of the form."""
        refuse_unknown(request, set())
        return Response(SeenFieldOutput(fields_seen(self._row()), many=True).data)

    @extend_schema(summary=gettext_lazy("Read the posts of a form again"), request=None, responses=ReadAgainOutput)
    @action(detail=True, methods=["post"], url_path="read-again")
    def read_again(self, request: Request, pk: str) -> Response:
        """Process what needed attention in the last 30 days again, and fill in what open leads lack."""
        return Response(ReadAgainOutput(posts_read_again(self._row(), by=self.actor)).data)

    @extend_schema(summary=gettext_lazy("Try a post on a form"), request=TrialInput, responses=TrialOutput)
    @action(detail=True, methods=["post"], url_path="try")
    def trial(self, request: Request, pk: str) -> Response:
        """The lead that the post would make and the way it would take; nothing is kept."""
        pairs = [(name[:200], value) for name, value in self.read(TrialInput)["data"].items()]
        return Response(TrialOutput(submission_try(self._row(), Parsed(pairs), by=self.actor).as_data()).data)


@extend_schema_view(
    list=extend_schema(summary=gettext_lazy("List posts of forms"), responses=SubmissionOutput(many=True)),
    retrieve=extend_schema(summary=gettext_lazy("Read a post of a form"), responses=SubmissionOutput),
)
class SubmissionViewSet(HeadViewSet):
    """Posts of forms as they came, and what became of them."""

    queryset = Submission.objects.none()
    serializer_class = SubmissionOutput
    filterset_class = SubmissionFilter
    ordering_fields = ("received_at", "id")
    default_ordering = "-received_at"

    def get_queryset(self) -> QuerySet[Submission]:
        """All posts; who gets here may see them."""
        return Submission.objects.select_related("consent").defer("body", "meta")

    def _row(self) -> Submission:
        row = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if row is None:
            raise Http404
        return row

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of posts, newest first."""
        refuse_unknown(request, PAGING | set(SubmissionFilter.base_filters))
        return self.page_of(self.filter_queryset(self.get_queryset()))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One post."""
        refuse_unknown(request, set())
        return Response(self.get_serializer(self._row()).data)

    @extend_schema(
        summary=gettext_lazy("Process a post again"), request=None, responses=SubmissionOutput, filters=False
    )
    @action(detail=True, methods=["post"])
    def process(self, request: Request, pk: str) -> Response:
        """Make the lead of a post that needed attention or was held back; one that has its lead stays as it is."""
        submission_reprocess(self._row(), by=self.actor)
        return Response(self.get_serializer(self._row()).data)


router = SimpleRouter()
router.register("web-forms", WebFormViewSet, basename="api-web-form")
router.register("submissions", SubmissionViewSet, basename="api-submission")
urlpatterns = router.urls
