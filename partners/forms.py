"""Forms of partners and hand-overs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Partner, User
from accounts.selectors import assignable_users
from crm.formfields import DayField, MailField, NumberField, PhoneField
from deals.models import Deal
from partners.models import CommissionRule, PartnerDocument
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
        required=False,
        help_text=_("Steps by amount are agreed on the card."),
    )
    inn = forms.CharField(label=_("INN"), max_length=20, required=False)
    contract = forms.CharField(label=_("Contract"), max_length=200, required=False)
    regions = forms.CharField(label=_("Regions"), max_length=2000, required=False, help_text=_("Several by commas."))
    comment = forms.CharField(
        label=_("Comment"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3})
    )
    person_name = forms.CharField(label=_("Who signs in first: last name"), max_length=100, required=False)
    person_email = MailField(
        label=_("Who signs in first: e-mail"), max_length=254, required=False, help_text=_("A letter invites them.")
    )

    def __init__(self, *args: Any, is_known: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_known:
            # Terms and people of a partner who works already have dialogs of their own on its card.
            for name in ("commission_percent", "person_name", "person_email", "inn"):
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """A person is a name and an address."""
        data: dict[str, Any] = self.cleaned_data
        name, email = data.get("person_name"), data.get("person_email")
        if email and not name:
            self.add_error("person_name", _("Write the last name of the person who is invited."))
        if name and not email and "person_email" not in self.errors and "person_email" in self.fields:
            self.add_error("person_email", _("Write the e-mail of the person who is invited."))
        return data

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


SCORES = [("", "—"), *((number, str(number)) for number in range(1, 6))]


class FeedbackForm(forms.Form):
    """What the client says in the call after the sale."""

    product = forms.TypedChoiceField(label=_("Score of the product"), choices=SCORES, coerce=int, empty_value=None)
    partner = forms.TypedChoiceField(label=_("Score of the partner"), choices=SCORES, coerce=int, empty_value=None)
    text = forms.CharField(
        label=_("In the client's words"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3})
    )


class DocumentForm(forms.Form):
    """A paper of a partner."""

    file = forms.FileField(label=_("File"))
    kind = forms.ChoiceField(label=_("Kind"), choices=PartnerDocument.Kind)
    number = forms.CharField(label=_("Number"), max_length=60, required=False)
    day = DayField(label=_("Dated"), required=False)
    valid_until = DayField(label=_("Valid until"), required=False)
    comment = forms.CharField(label=_("Comment"), max_length=300, required=False)


class CloseInactiveForm(forms.Form):
    """To whom the open records of silent partners go, and why they are closed."""

    hand_back_to = forms.ModelChoiceField(
        User.objects.none(), label=_("Their open leads and deals go to"), required=False
    )
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        field: Any = self.fields["hand_back_to"]
        field.queryset = assignable_users(user)


class CommissionTermsForm(forms.Form):
    """From when on a partner is due what part of a won amount."""

    steps = forms.CharField(
        label=_("Steps: from what amount, what percent"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True, "class": "num"}),
        help_text=_("A line for each step: “0 4” and “5 000 000 5.5”. One number is a percent of every amount."),
    )
    span = forms.ChoiceField(label=_("The step is chosen by"), choices=CommissionRule.Span)
    valid_from = DayField(label=_("In force from"))
    comment = forms.CharField(label=_("Comment"), required=False, max_length=300)

    def clean_steps(self) -> list[tuple[str, str]]:
        """Pairs of texts; what they may be is the service's business."""
        lines = [line.strip() for line in self.cleaned_data["steps"].splitlines() if line.strip()]
        return [_step(line) for line in lines]


def _step(line: str) -> tuple[str, str]:
    """An amount and a percent of a line as people write it: the percent stands last, the amount may have spaces."""
    words = line.replace("%", " ").replace("₽", " ").replace("—", " ").replace(":", " ").split()
    start, percent = "".join(words[:-1]) or "0", words[-1] if words else ""
    return start.replace("\u00a0", "").replace(",", "."), percent.replace(",", ".")


class PaymentForm(forms.Form):
    """What was paid to a partner."""

    amount = NumberField(label=_("Amount, ₽"), max_digits=15, decimal_places=2, min_value=0)
    day = DayField(label=_("Paid on"))
    reason = forms.CharField(label=_("Comment"), required=False, max_length=300)
    key = forms.CharField(widget=forms.HiddenInput, required=False, max_length=40)


class CorrectionForm(forms.Form):
    """What is added to the commission of a partner, or taken from it."""

    amount = NumberField(
        label=_("Amount, ₽"), max_digits=15, decimal_places=2, help_text=_("With a minus to take away.")
    )
    deal = forms.ModelChoiceField(Deal.objects.none(), label=_("Deal"), required=False, empty_label=_("no deal"))
    reason = forms.CharField(label=_("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    key = forms.CharField(widget=forms.HiddenInput, required=False, max_length=40)

    def __init__(self, data: Any = None, *, user: User, partner: Partner, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        field: Any = self.fields["deal"]
        rows = Deal.objects.visible_to(user).alive().filter(partner=partner, commission_entries__isnull=False)
        field.queryset = rows.distinct().order_by("-closed_at", "-pk")
