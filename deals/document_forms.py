"""Forms of documents: what a new one says, the letter it goes with, payment, signature, and why it is void."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from communications.addressees import address_choices
from crm import clock
from crm.formfields import FullDayField, NumberField
from deals.document_content import WHOLE, Wish
from deals.document_texts import usual_days, usual_terms
from deals.documents import latest_of
from deals.models import Deal, Document

Kind = Document.Kind
UNTIL = {Kind.QUOTE: gettext_lazy("Valid until"), Kind.INVOICE: gettext_lazy("To be paid until")}
FOLLOWS = {
    Kind.QUOTE: (gettext_lazy("With a new number"), gettext_lazy("Otherwise it is the next version of the last one.")),
    Kind.CONTRACT: (
        gettext_lazy("With a new number"), gettext_lazy("Otherwise it is the next version of the last one."),
    ),
    Kind.INVOICE: (
        gettext_lazy("In place of the last one"), gettext_lazy("Then it is the next version of it, with its number."),
    ),
}  # fmt: skip


class DocumentForm(forms.Form):
    """What a new document says beside the lines of the deal, and to whom it goes."""

    address = forms.ChoiceField(label=gettext_lazy("Send to"), required=False)
    until = FullDayField(required=False)
    share = NumberField(
        label=gettext_lazy("Part of the sum, %"), required=False, max_digits=5, decimal_places=2, max_value=100,
        min_value=Decimal("0.01"),
        help_text=gettext_lazy("50: an invoice for half of it, in one line. Empty: all of it."),
    )  # fmt: skip
    terms = forms.CharField(
        label=gettext_lazy("Terms"), required=False, max_length=3000, strip=False,
        widget=forms.Textarea(attrs={"rows": 4}), help_text=gettext_lazy("Payment, dates, delivery."),
    )  # fmt: skip
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the document"), choices=User.Language.choices, initial="ru"
    )
    other = forms.BooleanField(required=False)

    def __init__(self, data: Any = None, *, deal: Deal, kind: str) -> None:
        # A prefix: the stage may ask for fields of the deal in the same dialog.
        super().__init__(data, prefix="document")
        self.kind = Kind(kind)
        address: Any = self.fields["address"]
        address.choices = [*address_choices(deal), ("", _("nobody, it is only made"))]
        address.initial = address.choices[0][0]
        self.fields["terms"].initial = usual_terms(kind)
        days = usual_days(kind)
        if days is None:
            del self.fields["until"]
        else:
            self.fields["until"].label = UNTIL[self.kind]
            self.fields["until"].help_text = _("Empty: for %(days)s days.") % {"days": days}
        if kind != Kind.INVOICE:
            del self.fields["share"]
        last = latest_of(deal, kind)
        if last is None or last.paid or last.signed_on:
            del self.fields["other"]
        else:
            self.fields["other"].label, self.fields["other"].help_text = FOLLOWS[self.kind]

    def wish(self) -> Wish:
        """What is asked for; the usual terms follow the language, where nobody has written others."""
        given = self.cleaned_data
        terms, language = given["terms"].replace("\r\n", "\n").strip(), given["language"]
        if language != "ru" and terms == usual_terms(self.kind).strip():
            terms = usual_terms(self.kind, language) or terms
        return Wish(self.kind, terms, given.get("until"), language, given.get("share") or WHOLE)

    @property
    def is_new(self) -> bool | None:
        """With a number of its own? Where there is no choice, it is."""
        if "other" not in self.fields:
            return True
        return bool(self.cleaned_data["other"]) is not (self.kind == Kind.INVOICE)


class LetterForm(forms.Form):
    """To whom a document goes, and with which words."""

    address = forms.ChoiceField(label=gettext_lazy("Send to"))
    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=255)
    text = forms.CharField(
        label=gettext_lazy("Text"), max_length=20_000, strip=False, widget=forms.Textarea(attrs={"rows": 9})
    )

    def __init__(self, data: Any = None, *, deal: Deal, initial: dict[str, Any] | None = None) -> None:
        # A prefix: a deal has an address too, and the stage may ask for it in the same dialog.
        super().__init__(data, initial=initial, prefix="letter")
        self.fields["address"].choices = address_choices(deal)  # type: ignore[attr-defined]

    def clean_text(self) -> str:
        """Something written, not spaces alone."""
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        if not text.strip():
            raise forms.ValidationError(_("Write something first."))
        return text


class PaymentForm(forms.Form):
    """How much of an invoice is paid by now, and when the last of it came."""

    paid = NumberField(
        label=gettext_lazy("Paid in all, ₽"), max_digits=20, decimal_places=2, min_value=0,
        help_text=gettext_lazy("Less than the total is a part payment; 0 takes the payment back."),
    )  # fmt: skip
    paid_on = FullDayField(label=gettext_lazy("Received on"), required=False)

    def __init__(self, data: Any = None, *, document: Document) -> None:
        super().__init__(data)
        self.fields["paid"].initial = document.total
        self.fields["paid_on"].initial = clock.today()


class SignatureForm(forms.Form):
    """When a contract was signed, under which number, and the scan."""

    signed_on = FullDayField(label=gettext_lazy("Signed on"))
    number = forms.CharField(label=gettext_lazy("Contract number"), max_length=50)
    scan = forms.FileField(label=gettext_lazy("Scan of the signed contract"), required=False)

    def __init__(self, data: Any = None, files: Any = None, *, document: Document) -> None:
        super().__init__(data, files, prefix="signed")
        self.fields["signed_on"].initial = document.signed_on or clock.today()
        self.fields["number"].initial = document.deal.contract_number or document.printed


class VoidForm(forms.Form):
    """Why a document is void."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3, "autofocus": True})
    )
