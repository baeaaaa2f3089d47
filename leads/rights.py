"""Who makes clients and deals of leads."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from accounts.models import Role, User
from crm.actors import Actor
from crm.models import Stage, StagedRecord
from leads.stages import CONTACT_SAVED, CONVERTED

# The call centre sees no clients: it qualifies leads and passes them on. Control of partners works on no leads.
NOT_CONVERTING = frozenset({Role.CALL_CENTER, Role.PARTNER_CONTROL})


def may_convert(user: User) -> bool:
    """Does the person make contacts, companies and deals of leads? Of which leads, crm.visibility says."""
    return user.is_active and user.role not in NOT_CONVERTING


def why_not_convert() -> str:
    """What is said to those who may not."""
    return _("Contacts and deals are made of leads by the sales people: pass the lead on to a manager.")


def refuse_conversion(record: StagedRecord, target: Stage, actor: Actor) -> str:
    """A guard of moves: to the stages that a conversion leads to go those who may convert."""
    if target.code not in {CONVERTED, CONTACT_SAVED} or not actor.is_person:
        return ""
    return "" if actor.user is not None and may_convert(actor.user) else why_not_convert()


def require_converter(actor: Actor) -> None:
    """PermissionDenied for a person who may not convert leads."""
    if actor.is_person and (actor.user is None or not may_convert(actor.user)):
        raise PermissionDenied(why_not_convert())
