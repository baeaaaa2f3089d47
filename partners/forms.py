"""Forms of partners and hand-overs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Partner, User
from accounts.selectors import assignable_users
from crm.formfields import MailField, NumberField, PhoneField
from partners.selectors import partners_to_choose


class PartnerForm(forms.Form):
    """A partner of the registry."""

    name = forms.CharField(label=_("Name"), max_length=200, widget=forms.TextInput(attrs={"autofocus": True}))
    contact_name = forms.CharField(label=_("Contact person"), max_length=200, required=False)
    phone = PhoneField(label=_("Phone"), max_length=60, required=False)
    email = MailField(label=_("E-mail"), max_length=254, required=False)
    commission_percent = NumberField(
        label=_("Commission, % of the won amount"),
        max_digits=5,
        decimal_places=2,
        min_value=0,
        max_value=100,
        initial=0,
    )
    contract = forms.CharField(label=_("Contract"), max_length=200, required=False)
    regions = forms.CharField(label=_("Regions"), max_length=2000, required=False, help_text=_("Several by commas."))
    comment = forms.CharField(
        label=_("Comment"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3})
    )

    def clean_regions(self) -> list[str]:
        """A list of names, each once."""
        parts = [part.strip() for part in self.cleaned_data["regions"].replace(";", ",").split(",")]
        return list(dict.fromkeys(part for part in parts if part))


class PartnerUserForm(forms.Form):
    """A person of a partner."""

    last_name = forms.CharField(label=_("Last name"), max_length=100, widget=forms.TextInput(attrs={"autofocus": True}))
    first_name = forms.CharField(label=_("First name"), max_length=100, required=False)
    email = MailField(label=_("E-mail"), max_length=254)
    phone = PhoneField(label=_("Phone"), max_length=60, required=False)


class HandOverForm(forms.Form):
    """To whom a record is handed over, with what words."""

    partner = forms.ModelChoiceField(Partner.objects.none(), label=_("Partner"))
    comment = forms.CharField(
        label=_("Comment for the partner"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, data: Any = None, *, user: User, without: Partner | None = None) -> None:
        super().__init__(data)
        field: Any = self.fields["partner"]
        field.queryset = partners_to_choose(user)
        if without is not None:
            field.queryset = field.queryset.exclude(pk=without.pk)


class RecallForm(forms.Form):
    """Why a record is taken back."""

    reason = forms.CharField(
        label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3, "autofocus": True})
    )


class HandOnForm(HandOverForm, RecallForm):
    """Taken back from one partner and given to another."""

    field_order = ("partner", "reason", "comment")


class CloseForm(forms.Form):
    """A partner is closed; its open records go to a person of the manufacturer."""

    hand_back_to = forms.ModelChoiceField(User.objects.none(), label=_("Its open leads and deals go to"))
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, data: Any = None, *, user: User, needed: bool) -> None:
        super().__init__(data)
        field: Any = self.fields["hand_back_to"]
        field.queryset = assignable_users(user)
        field.required = needed
