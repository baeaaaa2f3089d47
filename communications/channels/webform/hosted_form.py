"""A form of ours as visitors fill it in: fields built from its description, errors in their language."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from communications.channels.webform.fields import take_files
from communications.channels.webform.transport import Parsed
from communications.models import WebForm
from communications.submissions import CONSENT_FIELD, CONTACTS
from communications.web_forms import FormField, fields_of
from crm.contact_points import read_points

MAX_LINE = 500
MAX_TEXT = 20_000
_AUTOCOMPLETE = {
    "name": "name", "first_name": "given-name", "last_name": "family-name", "phone": "tel", "email": "email",
    "company": "organization", "city": "address-level2", "address": "street-address",
}  # fmt: skip


class PhoneField(forms.CharField):
    """A phone number in any of the usual spellings."""

    def clean(self, value: Any) -> str:
        """As it was typed; ValidationError for what is no number."""
        text = str(super().clean(value))
        if text and not read_points(phones=text):
            raise forms.ValidationError(
                _("This is not a phone number. Write it like +7 912 345-67-89."), "invalid_phone"
            )
        return text


class HostedForm(forms.Form):
    """The fields of a web form; `parsed` is what a visitor has sent."""

    def __init__(self, form: WebForm, parsed: Parsed | None = None) -> None:
        self.web_form = form
        files, self.refused = take_files(parsed.files if parsed is not None else ())
        sent: dict[str, Any] = {}
        for name, value in parsed.pairs if parsed is not None else ():
            sent.setdefault(name, value)
        named = MultiValueDict(
            {item.field: [upload] for item, upload in zip(_kept(parsed, self.refused), files, strict=False)}
        )
        super().__init__(sent if parsed is not None else None, named or None, auto_id="f-%s")
        for row in fields_of(form):
            self.fields[row.key] = field_for(row)
        if form.consent_text:
            widget = forms.CheckboxInput(attrs={"value": str(form.consent_version)})
            missing = {"required": _("Without the consent we may not answer you.")}
            self.fields[CONSENT_FIELD] = forms.BooleanField(
                label=form.consent_text, required=form.consent_required, widget=widget, error_messages=missing
            )
        for name, field in self.fields.items():
            if field.required:
                field.widget.attrs["required"] = True
            field.widget.attrs["aria-describedby"] = f"f-{name}-error"

    def clean(self) -> dict[str, Any]:
        """A file that is not kept is told at its field; somebody must be reachable."""
        given = super().clean() or {}
        for problem in self.refused:
            name = problem["pointer"].removeprefix("/")
            self.add_error(name if name in self.fields else None, problem["message"])
        contacts = [row.key for row in fields_of(self.web_form) if row.meaning in CONTACTS]
        if not any(given.get(name) for name in contacts) and not any(name in self.errors for name in contacts):
            self.add_error(contacts[0] if contacts else None, _("Leave a phone or an e-mail, so that we can answer."))
        return given

    def rows(self) -> list[dict[str, str]]:
        """What is wrong, as the API tells it."""
        labels = {name: str(field.label) for name, field in self.fields.items()}
        labels[CONSENT_FIELD] = _("Consent")
        return [
            {"pointer": f"/{name}", "code": error.code or "invalid", "message": f"{labels.get(name, '')}: {text}"}
            for name, errors in self.errors.as_data().items()
            for error in errors
            for text in error.messages
        ]


def _kept(parsed: Parsed | None, refused: list[dict[str, str]]) -> list[Any]:
    """The files that were kept, in order."""
    names = {problem["pointer"].removeprefix("/") for problem in refused}
    return [item for item in parsed.files if item.field not in names] if parsed is not None else []


def field_for(row: FormField) -> forms.Field:
    """How one field is filled in."""
    common: dict[str, Any] = {"label": row.shown, "required": row.required}
    attrs = {"autocomplete": _AUTOCOMPLETE.get(row.meaning, "off")}
    match row.type:
        case "phone":
            widget = forms.TextInput(attrs={**attrs, "type": "tel", "inputmode": "tel", "maxlength": "100"})
            return PhoneField(max_length=100, widget=widget, **common)
        case "email":
            return forms.EmailField(max_length=254, widget=forms.EmailInput(attrs=attrs), **common)
        case "textarea":
            return forms.CharField(max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 4}), **common)
        case "number":
            return forms.CharField(max_length=40, widget=forms.TextInput(attrs={"inputmode": "decimal"}), **common)
        case "select":
            choices = [("", _("Choose…")), *((option, option) for option in row.options)]
            return forms.ChoiceField(choices=choices, **common)
        case "checkbox":
            return forms.BooleanField(widget=forms.CheckboxInput(attrs={"value": "on"}), **common)
        case "date":
            return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **common)
        case "file":
            return forms.FileField(widget=forms.FileInput(), **common)
    return forms.CharField(max_length=MAX_LINE, widget=forms.TextInput(attrs=attrs), **common)
