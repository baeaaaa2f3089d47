"""Forms of contacts and companies."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.formfields import EmailsField, InnField, PhonesField, RecordChoice
from crm.models import ClientType, RecordType
from crm.screens.pages import RecordForm

SEVERAL = gettext_lazy("Several by commas.")


class ClientForm(RecordForm):
    """What contacts and companies share: several phones and addresses at once when the record is new."""

    def __init__(self, data: Any = None, *, record: Any, user: Any) -> None:
        super().__init__(data, record=record, user=user)
        if record.pk is None:
            texts: dict[str, Any] = {"required": False, "max_length": 500, "help_text": SEVERAL}
            self.fields["phone"] = PhonesField(label=_("Phones"), **texts)
            self.fields["email"] = EmailsField(label=_("E-mails"), **texts)
            self.fields["responsible"].initial = user.pk
        else:
            # Phones and addresses of a client are kept one by one on its card.
            del self.fields["phone"], self.fields["email"]


class ContactForm(ClientForm):
    """All that is asked of a person."""

    SECTIONS = (
        (
            gettext_lazy("About the person"),
            ("last_name", "first_name", "patronymic", "position", "company", "client_type"),
        ),
        (gettext_lazy("How to reach"), ("phone", "email", "address")),
        (gettext_lazy("Messages"), ("preferred_channel", "messages_consent", "consent_note")),
        (gettext_lazy("Work"), ("responsible", "source", "comment")),
    )


class CompanyForm(ClientForm):
    """All that is asked of a company."""

    SECTIONS = (
        (gettext_lazy("About the company"), ("name", "inn", "kpp", "client_type", "legal_address")),
        (gettext_lazy("How to reach"), ("phone", "email", "site", "address")),
        (gettext_lazy("For documents"), ("signatory", "ogrn", "bank", "bik", "account", "corr_account")),
        (gettext_lazy("Work"), ("responsible", "source", "comment")),
    )
    REQUIRED = ("name",)


class QuickContactForm(forms.Form):
    """The few things one knows of a person at first."""

    name = forms.CharField(
        label=gettext_lazy("Full name"), max_length=255, widget=forms.TextInput(attrs={"autofocus": True})
    )
    phone = PhonesField(label=gettext_lazy("Phone"), required=False, max_length=500)
    email = EmailsField(label=gettext_lazy("E-mail"), required=False, max_length=500)
    client_type = forms.ChoiceField(label=gettext_lazy("Type"), choices=ClientType.choices)

    def __init__(self, data: Any = None, *, user: Any) -> None:
        super().__init__(data)
        self.fields["company"] = RecordChoice(RecordType.COMPANY, user, label=_("Company"), required=False)


class QuickCompanyForm(forms.Form):
    """The few things one knows of a company at first."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=255, widget=forms.TextInput(attrs={"autofocus": True})
    )
    inn = InnField(label=gettext_lazy("INN"), required=False, max_length=20)
    phone = PhonesField(label=gettext_lazy("Phone"), required=False, max_length=500)
    email = EmailsField(label=gettext_lazy("E-mail"), required=False, max_length=500)
    client_type = forms.ChoiceField(label=gettext_lazy("Type"), choices=ClientType.choices)
