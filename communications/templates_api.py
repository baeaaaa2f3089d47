"""Message templates in the API: kept by the sales head, tried on a real deal."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from communications.models import MessageTemplate
from communications.templates_render import TEXTS, check_text
from communications.templates_render import render as render_letter
from communications.views import TEMPLATES, deal_to_try
from crm import preferences
from crm.api.catalogues import CatalogueViewSet, described
from crm.api.filtering import refuse_unknown
from crm.api.pagination import BIGGEST_KEY
from crm.api.serializers import RecordInput


class TemplateOutput(serializers.ModelSerializer[MessageTemplate]):
    """A letter with placeholders."""

    class Meta:
        model = MessageTemplate
        fields = ("code", "name", "name_ru", "name_en", *TEXTS)
        read_only_fields = fields


class TemplateInput(RecordInput):
    """A letter; `{title}`, `{contact}` and the like are filled in when it is sent, an unknown one is refused."""

    name_en = serializers.CharField(required=False, allow_blank=True, max_length=100)

    class Meta:
        model = MessageTemplate
        fields = ("name_ru", "name_en", *TEXTS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Only placeholders that are known."""
        for name in TEXTS:
            check_text(attrs.get(name, ""))
        return attrs


class PreviewQuery(serializers.Serializer[Any]):
    """On which deal, in which language."""

    deal = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_KEY,
        help_text=gettext_lazy("The latest deal with a contact when none is named."),
    )  # fmt: skip
    language = serializers.ChoiceField(
        choices=preferences.LANGUAGES, required=False, help_text=gettext_lazy("The client's, else the company's.")
    )


class LetterOutput(serializers.Serializer[Any]):
    """The letter as the client would get it."""

    deal = serializers.IntegerField()
    to = serializers.CharField(allow_blank=True)
    subject = serializers.CharField(allow_blank=True)
    text = serializers.CharField()


@described(gettext_lazy("Message templates; for the sales head."), TemplateInput, TemplateOutput)
@extend_schema_view(
    retrieve=extend_schema(summary=gettext_lazy("Read a template"), responses=TemplateOutput),
)
class TemplateViewSet(CatalogueViewSet):
    """Letters with placeholders."""

    queryset = MessageTemplate.objects.none()
    serializer_class = TemplateOutput
    catalogue = TEMPLATES
    input_class = TemplateInput

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One template by its code."""
        refuse_unknown(request, set())
        return self._shown(self.get_object())

    @extend_schema(summary=gettext_lazy("Try a template on a deal"), parameters=[PreviewQuery], responses=LetterOutput)
    @action(detail=True)
    def preview(self, request: Request, **kwargs: Any) -> Response:
        """The letter for a deal in sight, nothing is sent; 400 names the placeholder that has no value there."""
        refuse_unknown(request, {"deal", "language"})
        wish = PreviewQuery(data=request.query_params)
        wish.is_valid(raise_exception=True)
        template, deal = self.get_object(), deal_to_try(self.caller, wish.validated_data.get("deal"))
        if deal is None:
            raise Http404
        letter = render_letter(template, deal, deal.contact, language=wish.validated_data.get("language", ""))
        return Response({"deal": deal.pk, "to": deal.contact.email, "subject": letter.subject, "text": letter.text})


router = SimpleRouter()
router.register("templates", TemplateViewSet, basename="api-template")
urlpatterns = router.urls
