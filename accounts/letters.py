"""Letters about accounts: put into rows in the caller's transaction, written and sent by the worker.

Nothing secret waits in a row: links are signed as the letter leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.happenings import happened
from accounts.models import Invitation, Letter, User

# What a security notice says; the person who did it themselves reads it too, and shrugs.
NOTICES: dict[str, Any] = {
    "password_changed": gettext_lazy("The password of your account was changed."),
    "totp_added": gettext_lazy("Sign-in by a code from an app was switched on for your account."),
    "totp_removed": gettext_lazy("Sign-in by a code from an app was switched off for your account."),
    "passkey_added": gettext_lazy("A passkey was added to your account."),
    "passkey_removed": gettext_lazy("A passkey of your account was removed."),
    "recovery_codes": gettext_lazy("New recovery codes were made for your account; the old ones work no more."),
    "factors_removed": gettext_lazy("An administrator took the second factor off your account."),
}


def letter_queue(kind: str, email: str, *, about: str = "") -> Letter:
    """Put a letter into the outbox, in the caller's transaction."""
    return Letter.objects.create(kind=kind, email=email.lower()[:254], about=about)


def notice_queue(user: User, about: str) -> None:
    """Tell a person of a change of how they sign in; KeyError for one that has no words."""
    if NOTICES[about] and user.email:
        letter_queue(Letter.Kind.NOTICE, user.email, about=about)


def may_invite(by: User | None, user: User) -> bool:
    """Administrators let everybody in, the sales head the people of partners; `None` is the product itself."""
    return by is None or (by.is_active and (by.is_administrator or (by.is_head and user.is_partner)))


@transaction.atomic
def reset_send(user: User, *, by: User | None, author: object = None) -> Letter:
    """Send a person a link to set a new password, as an administrator does it (the head: for people of partners).

    `author` is how the audit trail names whoever did it, where that is not the person themselves but a token of theirs.
    """
    if not may_invite(by, user):
        raise PermissionDenied(_("Only an administrator manages people."))
    if not user.is_active:
        raise ValidationError(_("%(name)s is switched off.") % {"name": user})
    happened("reset_sent", user, author or by, user.email)
    return letter_queue(Letter.Kind.RESET, user.email)


def reset_path(user: User) -> str:
    """The path by which a person sets a new password: signed, for a few days, until the password changes."""
    token = default_token_generator.make_token(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": token})


def written(letter: Letter) -> tuple[str, str] | None:
    """Subject and text in the language of the person; None when the letter is not needed (any more)."""
    user = User.objects.select_related("partner").filter(email=letter.email, is_active=True).first()
    if user is None:
        return None
    with translation.override(user.language):
        made = WRITERS[letter.kind](letter, user)
        if made is None:
            return None
        subject, parts = made
        hello = _("Hello, %(name)s!") % {"name": user.first_name or user.full_name}
        return subject, "\n\n".join([hello, *parts])


def _invitation(letter: Letter, user: User) -> tuple[str, list[str]] | None:
    from accounts.invitations import invitation_link

    row = Invitation.objects.select_related("user", "by").filter(user=user).first()
    if row is None or not row.is_open or user.has_usable_password():
        return None
    who = _("%(name)s has made you an account in the CRM.") % {"name": row.by} if row.by else ""
    until = timezone.localtime(row.expires_at, _zone(user))
    return _("Invitation to the CRM"), [
        *([who] if who else []),
        _("Set a password by this link; your login is %(email)s.") % {"email": user.email},
        invitation_link(row),
        _("The link works once, until %(day)s.") % {"day": f"{until:%d.%m.%Y %H:%M}"},
    ]


def _reset(letter: Letter, user: User) -> tuple[str, list[str]]:
    days = max(1, settings.PASSWORD_RESET_TIMEOUT // 86_400)
    text = translation.ngettext(
        "The link works once, for %(count)s day.", "The link works once, for %(count)s days.", days
    )
    return _("New password for the CRM"), [
        _("A new password can be set by this link; your login is %(email)s.") % {"email": user.email},
        urljoin(settings.PUBLIC_URL, reset_path(user)),
        text % {"count": days},
        _("If you did not ask for it, do nothing: the old password stays."),
    ]


def _notice(letter: Letter, user: User) -> tuple[str, list[str]]:
    return _("The security of your account in the CRM"), [
        str(NOTICES[letter.about]),
        _("If it was not you, end all sessions and change the password: %(url)s")
        % {"url": urljoin(settings.PUBLIC_URL, reverse("accounts:security"))},
    ]


def _zone(user: User) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(user.time_zone)


WRITERS: dict[str, Callable[[Letter, User], tuple[str, list[str]] | None]] = {
    Letter.Kind.INVITATION: _invitation,
    Letter.Kind.RESET: _reset,
    Letter.Kind.NOTICE: _notice,
}
