"""Settings as one document: read, compared, taken in, and single changes taken back."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from crm import settings_revert, settings_transfer
from crm.api.filtering import refuse_unknown
from crm.api.views import ApiViewSet
from crm.settings_audit import require_head


class SettingsImport(serializers.Serializer[Any]):
    """A document of settings, and whether only to say what it would change."""

    settings = serializers.JSONField()
    dry_run = serializers.BooleanField(default=False)


class DifferenceOutput(serializers.Serializer[Any]):
    """One setting that was or would be changed."""

    kind = serializers.CharField()
    title = serializers.CharField()
    is_new = serializers.BooleanField()
    problem = serializers.CharField(allow_blank=True)
    fields_changed = serializers.SerializerMethodField()

    def get_fields_changed(self, change: settings_transfer.Difference) -> list[dict[str, Any]]:
        return [{"name": name, "old": old, "new": new} for name, _label, old, new in change.fields]


class ImportOutput(serializers.Serializer[Any]):
    """What was changed, or would be."""

    dry_run = serializers.BooleanField()
    changes = DifferenceOutput(many=True)


class SettingsViewSet(ApiViewSet):
    """The settings of the company; for the sales head and the administrator."""

    queryset = User.objects.none()
    serializer_class = SettingsImport

    @extend_schema(
        summary=gettext_lazy("Read all settings"), operation_id="settings_retrieve", responses=OpenApiTypes.OBJECT
    )
    def show(self, request: Request) -> Response:
        """Everything the file of the settings page holds."""
        refuse_unknown(request, set())
        require_head(self.caller)
        return Response(settings_transfer.dump())

    @extend_schema(
        summary=gettext_lazy("Take settings in"),
        operation_id="settings_import",
        request=SettingsImport,
        responses=ImportOutput,
    )
    def take(self, request: Request) -> Response:
        """All or nothing; with `dry_run` nothing is changed. What the document does not name stays as it is."""
        require_head(self.caller)
        given = self.read(SettingsImport)
        act = settings_transfer.compare if given["dry_run"] else None
        found = act(given["settings"]) if act else settings_transfer.take_in(given["settings"], by=self.caller)
        return Response(ImportOutput({"dry_run": given["dry_run"], "changes": found}).data)

    @extend_schema(
        summary=gettext_lazy("Take a change of settings back"),
        operation_id="settings_change_revert",
        request=None,
        responses={204: None},
    )
    def revert(self, request: Request, pk: int) -> Response:
        """Set back what one line of the audit trail of settings changed."""
        require_head(self.caller)
        change = settings_revert.changes().filter(pk=pk).first()
        if change is None:
            raise Http404
        settings_revert.setting_revert(change, by=self.caller)
        return Response(status=204)
