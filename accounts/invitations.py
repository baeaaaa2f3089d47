"""The first way in: a letter with a signed link that works once and for a week, by which its owner sets a password.

Time is the machine's own here, as everywhere in accounts: a clock moved for a demo revives no link.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.happenings import happened
from accounts.letters import letter_queue, may_invite
from accounts.models import Invitation, Letter, User
from accounts.services import check_password, sessions_end

VALID = timedelta(days=7)
SALT = "accounts.invitation"


@transaction.atomic
def invitation_send(user: User, *, by: User | None, author: object = None) -> Invitation:
    """Invite a person who has not set a password yet; an earlier link of theirs works no more.

    The letter waits in the outbox. `author` is how the audit trail names whoever did it, where that is not the person
    themselves but a token of theirs. Raises PermissionDenied, or ValidationError where there is nobody to invite.
    """
    if not may_invite(by, user):
        raise PermissionDenied(_("Only an administrator manages people."))
    locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if not locked.is_active:
        raise ValidationError(_("%(name)s is switched off.") % {"name": locked})
    if locked.has_usable_password():
        raise ValidationError(
            _("%(name)s has a password already: a forgotten one is set anew by letter.") % {"name": locked}
        )
    now = timezone.now()
    invitation, _made = Invitation.objects.update_or_create(
        user=locked,
        defaults={
            "nonce": secrets.token_urlsafe(16),
            "by": by,
            "sent_at": now,
            "expires_at": now + VALID,
            "accepted_at": None,
        },
    )
    letter_queue(Letter.Kind.INVITATION, locked.email)
    happened("invited", locked, author or by, locked.email)
    return invitation


def invitation_link(invitation: Invitation) -> str:
    """The address that the letter names, below PUBLIC_URL: whoever has it sets the password."""
    user = invitation.user
    # The address is signed too: a letter to an old mailbox opens nothing once the person has another one.
    secret = signing.dumps([invitation.pk, invitation.nonce, user.email], salt=SALT)
    return urljoin(settings.PUBLIC_URL, reverse("invitation", args=[secret]))


def invitation_find(secret: str) -> Invitation | None:
    """The invitation of a link, or None when it is forged, used, too old or replaced by a newer one."""
    try:
        pk, nonce, email = signing.loads(secret, salt=SALT, max_age=VALID)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    found = Invitation.objects.select_related("user__team", "user__partner").filter(pk=pk, nonce=nonce).first()
    if found is None or found.user.email != email or not found.is_open or found.user.has_usable_password():
        return None
    return found


@transaction.atomic
def invitation_accept(secret: str, *, password: str) -> User:
    """Set the first password by the link, which works no more after that.

    Raises ValidationError: about `password` where it is too weak, else because the link does not work any more.
    """
    found = invitation_find(secret)
    # Two presses at once: the one that comes second finds the invitation taken.
    taken = found and Invitation.objects.filter(pk=found.pk, nonce=found.nonce, accepted_at__isnull=True)
    if found is None or not taken:
        raise ValidationError(_("This link does not work any more"))
    check_password(password, found.user)
    if not taken.update(accepted_at=timezone.now()):
        raise ValidationError(_("This link does not work any more"))
    user = found.user
    user.set_password(password)
    user.save(update_fields=["password"])
    sessions_end([user.pk])
    happened("invitation_accepted", user, user)
    return user
