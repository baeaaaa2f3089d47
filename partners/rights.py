"""Who may do what with partners and hand-overs."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from accounts.models import Role, User
from crm.actors import Actor
from crm.models import record_model
from crm.querysets import Action
from partners.models import Handoff


def may_manage(user: User) -> bool:
    """Keep the registry of partners: the sales head and the administrator."""
    return user.is_active and user.is_head


def may_control(user: User) -> bool:
    """Watch over partners' work: control managers and heads; feedback and recalls are theirs."""
    return user.is_active and (user.is_head or user.role == Role.PARTNER_CONTROL)


def may_hand_over(user: User, record: Any) -> bool:
    """Whoever may change the manufacturer's own record, and control, what came back from a partner and waits.

    The call centre qualifies leads and passes them on only.
    """
    if user.is_partner or user.role == Role.CALL_CENTER or record.partner_id is not None:
        return False
    # Of the manufacturer's own records control sees those alone that wait to be handed on.
    action: Action = "view" if user.role == Role.PARTNER_CONTROL else "change"
    return type(record)._default_manager.visible_to(user, action).filter(pk=record.pk).exists()


def may_recall(user: User, handoff: Handoff) -> bool:
    """Whoever controls the partners, and whoever may change the record that was handed over."""
    if may_control(user):
        return True
    if user.is_partner:
        return False
    rows: Any = record_model(handoff.record_type)._default_manager
    return rows.visible_to(user, "change").filter(pk=handoff.record_id).exists()


def require_hander(actor: Actor, record: Any) -> None:
    """DoesNotExist for a person who does not see the record, PermissionDenied for one who may not hand it over."""
    if not actor.is_person:
        return
    model = type(record)
    if actor.user is None or not model._default_manager.visible_to(actor.user).filter(pk=record.pk).exists():
        raise model.DoesNotExist
    if actor.user.is_partner or (record.partner_id is None and not may_hand_over(actor.user, record)):
        raise PermissionDenied(_("To a partner records are handed over by their managers and the sales head."))


def require_manager(actor: Actor) -> None:
    """PermissionDenied for a person who does not keep the registry."""
    if actor.is_person and (actor.user is None or not may_manage(actor.user)):
        raise PermissionDenied(_("Only the sales head keeps the registry of partners."))


def require_recaller(actor: Actor, handoff: Handoff) -> None:
    """A hand-over out of a person's reach does not exist for them."""
    if actor.is_person and (actor.user is None or not may_recall(actor.user, handoff)):
        raise Handoff.DoesNotExist
