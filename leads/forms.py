"""Forms of leads: a quick one with name and phone, and the one with everything."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.formfields import EmailsField, PhonesField, TagsField
from crm.screens.pages import RecordForm


class QuickLeadForm(forms.Form):
    """What one knows while the client is still on the phone."""

    name = forms.CharField(
        label=pgettext_lazy("person", "Name"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"autofocus": True}),
    )
    phone = PhonesField(label=gettext_lazy("Phone"), required=False, max_length=500)
    request_text = forms.CharField(
        label=gettext_lazy("Request"), required=False, widget=forms.Textarea(attrs={"rows": 2}), max_length=100_000
    )

    tags = TagsField(label=gettext_lazy("Tags"), required=False)

    def clean(self) -> dict[str, Any]:
        """Something must be known."""
        given = super().clean() or {}
        if not self.errors and not (given.get("name") or given.get("phone")):
            raise forms.ValidationError(_("Give a name or a phone."))
        return given


class LeadForm(RecordForm):
    """All that is asked of a lead."""

    SECTIONS = (
        (gettext_lazy("Client"), ("name", "company_name", "phone", "email", "inn")),
        (gettext_lazy("Request"), ("request_text",)),
        (
            gettext_lazy("Building"),
            ("purpose", "construction_start", "length", "width", "height", "area", "address"),
        ),
        (gettext_lazy("Work"), ("title", "source", "channel", "responsible", "amount", "tags")),
    )

    def __init__(self, data: Any = None, *, record: Any, user: Any) -> None:
        super().__init__(data, record=record, user=user)
        if record.pk is None:
            texts: dict[str, Any] = {"required": False, "max_length": 500}
            self.fields["phone"] = PhonesField(label=_("Phones"), help_text=_("Several by commas."), **texts)
            self.fields["email"] = EmailsField(label=_("E-mails"), help_text=_("Several by commas."), **texts)
        self.fields["title"].required = False
        self.fields["title"].help_text = _("Left empty, it is made by the template.")
        if record.pk is not None:
            self.fields.pop("channel", None)
