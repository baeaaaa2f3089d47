"""The form of a webhook: where to, what of, and with whose eyes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from accounts.models import User
from communications.models import WebhookEndpoint
from communications.webhooks.catalogue import TYPES, label
from communications.webhooks.services import owners_for
from crm.models import RecordType


class EndpointForm(forms.Form):
    """All of an endpoint; the events stand under the kind of record that they are about."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, widget=forms.TextInput(attrs={"autofocus": True})
    )
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=1000,
        help_text=gettext_lazy("https://example.com/hook: a page of your program that takes POST."),
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )
    owner: Any = forms.ModelChoiceField(
        queryset=None,
        label=gettext_lazy("Whose eyes it sees with"),
        empty_label=None,
        help_text=gettext_lazy("It is sent only records that this person may see, as they see them."),
    )
    is_active = forms.BooleanField(label=gettext_lazy("Switched on"), required=False)

    def __init__(self, data: Any = None, *, endpoint: WebhookEndpoint | None, user: Any) -> None:
        row = endpoint or WebhookEndpoint(owner=user)
        names = ("name", "url", "owner", "is_active")
        super().__init__(data, initial={name: getattr(row, name) for name in names})
        owner: Any = self.fields["owner"]
        owner.queryset = owners_for(user)
        if endpoint is not None:  # who made it may see more than who changes it now, or be switched off
            owner.queryset = owner.queryset | User.objects.filter(pk=endpoint.owner_id)
        for kind, offered in TYPES.items():
            self.fields[kind] = forms.MultipleChoiceField(
                label=RecordType(kind).label,
                required=False,
                choices=[(name, label(name)) for name in offered],
                widget=forms.CheckboxSelectMultiple,
                initial=[name for name in row.events if name in offered],
            )

    @property
    def main(self) -> list[Any]:
        """The fields but for the events."""
        return [self[name] for name in self.fields if name not in TYPES]

    @property
    def kinds(self) -> list[Any]:
        """The events, a field for each kind of record."""
        return [self[name] for name in TYPES]

    def values(self) -> dict[str, Any]:
        """What the service keeps."""
        given = self.cleaned_data
        events = [name for kind in TYPES for name in given[kind]]
        return {"events": events, **{name: given[name] for name in ("name", "url", "owner", "is_active")}}
