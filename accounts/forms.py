"""Forms of the sign-in library, bent to the house rules."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ResetPasswordForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from accounts.letters import letter_queue
from accounts.models import Letter


class ResetAskForm(ResetPasswordForm):
    """Ask for a new password: whose address it is, and whether it is anybody's, is looked up by the worker."""

    def clean_email(self) -> str:
        """Take the address as it is; the answer does not depend on whose it is, nor does the time it takes."""
        self.users: list[Any] = []
        return str(self.cleaned_data["email"]).lower()

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Put the letter into the outbox."""
        email = str(self.cleaned_data["email"])
        letter_queue(Letter.Kind.RESET, email)
        return email


class KeyAddForm(AddWebAuthnForm):
    """A new passkey; the library leaves the name without a label of its own, which no language has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = gettext_lazy("Name")


class KeyRenameForm(EditWebAuthnForm):
    """Another name for a passkey."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = gettext_lazy("Name")
