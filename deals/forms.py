"""Forms of deals: a quick one, and the one with everything."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.formfields import NumberField, RecordChoice
from crm.models import RecordType
from crm.screens.pages import RecordForm


class QuickDealForm(forms.Form):
    """Who buys and what it is about; the rest comes with the work."""

    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"autofocus": True}),
        help_text=gettext_lazy("Left empty, it is made by the template."),
    )
    amount = NumberField(label=gettext_lazy("Amount"), required=False, max_digits=15, decimal_places=2, min_value=0)

    def __init__(self, data: Any = None, *, user: Any) -> None:
        super().__init__(data)
        self.fields["contact"] = RecordChoice(RecordType.CONTACT, user, label=_("Contact"), required=False)
        self.fields["company"] = RecordChoice(RecordType.COMPANY, user, label=_("Company"), required=False)
        self.order_fields(["contact", "company", "title", "amount"])

    def clean(self) -> dict[str, Any]:
        """Something must be known."""
        given = super().clean() or {}
        if not self.errors and not any(given.get(name) for name in ("title", "contact", "company")):
            raise forms.ValidationError(_("Choose the client or write a title."))
        return given


class DealForm(RecordForm):
    """All that is asked of a deal."""

    SECTIONS = (
        (
            gettext_lazy("Deal"),
            ("company", "contact", "amount", "expected_close_date", "contract_number", "contract_date"),
        ),
        (gettext_lazy("Request"), ("request_text",)),
        (
            gettext_lazy("Building"),
            ("purpose", "construction_start", "length", "width", "height", "area", "tonnage", "address", "object"),
        ),
        (gettext_lazy("Work"), ("title", "source", "responsible")),
    )

    def __init__(self, data: Any = None, *, record: Any, user: Any) -> None:
        super().__init__(data, record=record, user=user)
        self.fields["title"].required = False
        self.fields["title"].help_text = _("Left empty, it is made by the template.")
