"""Settings of the company in the API: the same that the page of the settings has (for the sales head)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError as BadRequest
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from crm import preferences, scope
from crm.api.filtering import refuse_unknown
from crm.api.views import ApiViewSet
from crm.errors import InvalidInput
from crm.models import Preference
from crm.settings_audit import require_head
from crm.settings_services import preferences_set


def _open_settings(user: User) -> dict[str, preferences.Setting]:
    """What the caller keeps: the sales head all but what guards access."""
    return {
        key: setting
        for key, setting in preferences.SETTINGS.items()
        if setting.kind != "hidden" and (user.is_administrator or not setting.is_guarded)
    }


class PreferencesViewSet(ApiViewSet):
    """Every setting of the company by its name."""

    queryset = Preference.objects.none()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Only those who keep the settings."""
        super().initial(request, *args, **kwargs)
        require_head(self.caller)

    @extend_schema(
        summary=gettext_lazy("Read the settings"), responses=OpenApiTypes.OBJECT, operation_id="preferences_retrieve"
    )
    def show(self, request: Request) -> Response:
        """All settings with their values."""
        refuse_unknown(request, set())
        return Response({key: preferences.get(key) for key in _open_settings(self.caller)})

    @extend_schema(
        summary=gettext_lazy("Change settings"),
        request=OpenApiTypes.OBJECT,
        responses=OpenApiTypes.OBJECT,
        operation_id="preferences_partial_update",
    )
    def change(self, request: Request) -> Response:
        """Change some settings: all of them or, where one is wrong, none."""
        if not isinstance(request.data, dict):
            raise BadRequest(_("Send an object of settings by name."))
        errors = []
        try:
            with transaction.atomic():
                for key, value in request.data.items():
                    if message := self._keep(str(key), value):
                        errors.append({"pointer": f"/{key}", "code": "invalid", "message": message})
                errors += [
                    {"pointer": f"/{key}", "code": "invalid", "message": message}
                    for key, message in preferences.disagreements(map(str, request.data)).items()
                ]
                if errors:
                    raise InvalidInput(str(errors[0]["message"]), errors=errors)
        finally:
            scope.forget(preferences.MEMO)
        return Response({key: preferences.get(key) for key in _open_settings(self.caller)})

    def _keep(self, key: str, value: Any) -> str:
        """Keep one setting; answers what is wrong with it."""
        if key not in _open_settings(self.caller):
            return str(_("There is no setting «%(name)s».") % {"name": key[:60]})
        try:
            preferences_set({key: value}, by=self.actor)
        except ValidationError as error:
            return " ".join(error.messages)
        except (TypeError, ValueError, OverflowError):
            return str(_("This value cannot be read."))
        return ""
