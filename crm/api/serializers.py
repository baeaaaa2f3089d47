"""What the API's bodies are made of: strict input, references, choice of fields, the parts that all records share."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from django.apps import apps
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import CharField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError as BadRequest

from crm import normalize
from crm.api.pagination import BIGGEST_KEY
from crm.api.schema import reference_schema
from crm.contact_points import read_points
from crm.filters import FIRST_DAY, LAST_DAY
from crm.keys import key_in

NO_OBJECT = gettext_lazy("An object with named fields is needed, not “{datatype}”.")

# Sentences of the framework that our catalogue says better in Russian: named here, they are kept in it.
FRAMEWORK_TEXTS = (
    gettext_noop("Date has wrong format. Use one of these formats instead: {format}."),
    gettext_noop("Datetime has wrong format. Use one of these formats instead: {format}."),
    gettext_noop("Ensure that there are no more than {max_digits} digits in total."),
    gettext_noop("Ensure that there are no more than {max_decimal_places} decimal places."),
    gettext_noop("Ensure that there are no more than {max_whole_digits} digits before the decimal point."),
)


class StrictMixin:
    """Input that refuses fields it does not know, by name: a misspelt field must not be lost in silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            fields: Any = self.fields  # type: ignore[attr-defined]
            writable = {name for name, field in fields.items() if not field.read_only}
            if unknown := [str(name) for name in data if name not in writable]:
                shown = {name[:60]: [_("There is no such field, or it cannot be set here.")] for name in unknown[:20]}
                raise BadRequest(shown, code="unknown")
        return super().to_internal_value(data)  # type: ignore[misc]


class Input(StrictMixin, serializers.Serializer[Any]):
    """The body of an action."""

    default_error_messages = {"invalid": NO_OBJECT}


class Day(serializers.DateField):
    """A day of a calendar that every database and time zone can still reckon with."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators += [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]


class Moment(serializers.DateTimeField):
    """A moment within the same bounds."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        first, last = (datetime.combine(day, time.min, tzinfo=UTC) for day in (FIRST_DAY, LAST_DAY))
        self.validators += [MinValueValidator(first), MaxValueValidator(last)]


class RecordInput(StrictMixin, serializers.ModelSerializer[Any]):
    """The fields of a record that a call may set; what they mean is the services' business."""

    serializer_field_mapping = {**serializers.ModelSerializer.serializer_field_mapping, models.DateField: Day}
    default_error_messages = {"invalid": NO_OBJECT}

    def get_validators(self) -> list[Any]:
        """None: constraints of several fields are checked by the services."""
        return []


@extend_schema_field(reference_schema())
class Reference(serializers.PrimaryKeyRelatedField[Any]):
    """Another row by its id; in answers, with `?expand=`, also its name.

    `guarded` names a model whose row may be out of the reader's sight although this one is in it: then it is null.
    """

    default_error_messages = {
        "does_not_exist": gettext_lazy("There is no such row, or you may not see it."),
        "incorrect_type": gettext_lazy("Give the id as a number."),
    }

    def __init__(self, *, guarded: str = "", **kwargs: Any) -> None:
        self.guarded = guarded
        super().__init__(**kwargs)

    def use_pk_only_optimization(self) -> bool:
        return self.field_name not in self.context.get("expand", ())

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            data = key_in(data)
        if type(data) is not int or not 0 < data <= BIGGEST_KEY:
            self.fail("incorrect_type")
        return super().to_internal_value(data)

    def get_queryset(self) -> Any:
        """The rows that the caller may name: `queryset` may be a function of the user."""
        rows: Any = self.__dict__["queryset"]
        return rows(self.context["request"].user) if inspect.isfunction(rows) else super().get_queryset()

    def to_representation(self, value: Any) -> Any:
        if self.guarded and value.pk not in self.context["in_sight"](self.guarded):
            return None
        return value.pk if self.use_pk_only_optimization() else {"id": value.pk, "name": str(value)}


@extend_schema_field(reference_schema("string"))
class Coded(serializers.SlugRelatedField[Any]):
    """A row of a dictionary (source, purpose) by its code."""

    default_error_messages = {"does_not_exist": gettext_lazy("There is no such code.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="pk", **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or "\x00" in data:
            self.fail("does_not_exist")
        return super().to_internal_value(data)

    def use_pk_only_optimization(self) -> bool:
        return self.field_name not in self.context.get("expand", ())

    def to_representation(self, value: Any) -> Any:
        return value.pk if self.use_pk_only_optimization() else {"id": value.pk, "name": str(value)}


def visible(label: str) -> Any:
    """The living rows of a kind of record that the caller may see, for a Reference."""

    def rows(user: Any) -> Any:
        return apps.get_model(label)._default_manager.visible_to(user).alive()

    return rows


class PhoneText(serializers.CharField):
    """A phone number in any of the usual spellings."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 254, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not read_points(phones=text):
            raise BadRequest(_("«%(value)s» is not a phone number.") % {"value": text[:60]}, code="invalid_phone")
        return text


class OnePhone(PhoneText):
    """One phone, kept as E.164."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if (found := normalize.phone(text)) is None:
            raise BadRequest(_("«%(value)s» is not a phone number.") % {"value": text[:60]}, code="invalid_phone")
        return found.e164


class EmailText(serializers.CharField):
    """An e-mail address."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 254, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not read_points(emails=text):
            raise BadRequest(_("«%(value)s» is not an e-mail address.") % {"value": text[:60]}, code="invalid_email")
        return text


def phone_list() -> TextList:
    """Phones to be added to those that the record has."""
    return TextList(child=PhoneText())


def email_list() -> TextList:
    """E-mails to be added to those that the record has."""
    return TextList(child=EmailText())


class TextList(serializers.ListField):
    """Some short texts: phones, e-mails."""

    child = serializers.CharField(max_length=254)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "max_length": 20, **kwargs})


class ClickIds(serializers.DictField):
    """Click ids by name: yclid, gclid, ym_client_id, roistat."""

    child = serializers.CharField(max_length=500, allow_blank=True)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (len(data) > 20 or any(len(str(name)) > 50 for name in data)):
            raise BadRequest(_("At most 20 ids with short names."))
        return super().to_internal_value(data)


# -- answers ----------------------------------------------------------------------------------------------------------

HEAD = ("id", "record_type", "pipeline", "stage", "stage_name", "stage_kind")
TAIL = (
    "refusal_reason", "refusal_comment", "responsible", "created_by", "created_at", "updated_at", "stage_entered_at",
    "closed_at", "last_activity_at", "next_activity_at", "next_activity_title", "version",
)  # fmt: skip


class RecordOutput(serializers.ModelSerializer[Any]):
    """A record as the API shows it; `?fields=` picks, a partner's user is not shown the `internal_fields`."""

    internal_fields: tuple[str, ...] = ("created_by",)

    record_type = serializers.CharField(source="RECORD_TYPE", read_only=True)
    stage = serializers.CharField(read_only=True)
    stage_name = serializers.CharField(source="stage_row.name", read_only=True)
    stage_kind = serializers.CharField(source="stage_row.kind", read_only=True)
    responsible = Reference(read_only=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        request = self.context.get("request")
        if request is not None and getattr(request.user, "is_partner", False):
            fields = {name: field for name, field in fields.items() if name not in self.internal_fields}
        wanted = self.context.get("fields")
        return fields if wanted is None else {name: field for name, field in fields.items() if name in wanted}

    def build_relational_field(self, field_name: str, relation_info: Any) -> Any:
        """References that no class declares are plain ids, of dictionaries the codes."""
        _class, kwargs = super().build_relational_field(field_name, relation_info)
        has_code = isinstance(relation_info.related_model._meta.pk, CharField)
        shown = {"label": kwargs["label"]} if "label" in kwargs else {}
        return Coded if has_code else Reference, {"read_only": True, **shown}


class PointsMixin(serializers.Serializer[Any]):
    """The phones and e-mails of a record, all of them; a page's are read at once (see RecordViewSet.prepare)."""

    phones = serializers.SerializerMethodField()
    emails = serializers.SerializerMethodField()

    def get_phones(self, record: Any) -> list[str]:
        return [point.value for point in self._points(record) if point.kind == "phone"]

    def get_emails(self, record: Any) -> list[str]:
        return [point.value for point in self._points(record) if point.kind == "email"]

    def _points(self, record: Any) -> Any:
        return self.context["points"].get(record.pk, ())
