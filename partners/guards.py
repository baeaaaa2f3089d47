"""What is refused while a record is with a partner, to partners, and between the two sides."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Role
from crm.actors import Actor
from crm.models import Stage
from crm.visibility import refusal
from partners.handoff import remembered_handoff
from partners.rights import may_control
from partners.stages import PARTNER_DEAL, RECALLED, WON

FEEDBACK = frozenset({"feedback_product", "feedback_partner", "feedback_text"})
CLIENT_LINKS = ("contact", "company", "object")


def refuse_while_away(record: Any, target: Stage, actor: Actor) -> str:
    """A record of the manufacturer that a partner works on is not moved by hand: it is recalled first."""
    if not actor.is_person or record.partner_id is not None:
        return ""
    handoff = remembered_handoff(record)
    if handoff is None:
        return ""
    names = {"record": record, "partner": handoff.partner}
    return _("«%(record)s» is with the partner «%(partner)s»; recall it first.") % names


def refuse_to_partner(record: Any, target: Stage, actor: Actor) -> str:
    """In the partner pipelines: only a recall sets aside, only the manufacturer wins, what was given back is over."""
    if record.partner_id is None or not actor.is_person:
        return ""
    if target.code == RECALLED:
        return _("A record is taken back by a recall, not by a move.")
    if record.origin_id is not None and not record.is_open:
        return _("This record was given back; the manufacturer can hand it over again.")
    is_control = actor.user is not None and may_control(actor.user)
    if record.pipeline_id == PARTNER_DEAL and target.code == WON and not is_control:
        return _("The manufacturer asks the client for feedback and then closes the deal as won.")
    return ""


def refuse_wrong_side(record: Any, changed: Set[str], actor: Actor) -> tuple[str, str] | None:
    """Each side has people of its own: a partner's record is never a manufacturer's person's, nor the other way."""
    if "responsible" not in changed or record.responsible_id is None:
        return None
    try:
        person = record.responsible
    except ObjectDoesNotExist:
        return None  # validation names it
    if person.partner_id != record.partner_id:
        return "responsible", _("%(name)s does not work in this pipeline.") % {"name": person}
    return None


def refuse_partners_reach(record: Any, changed: Set[str], actor: Actor) -> tuple[str, str] | None:
    """A partner's user writes only into their own partner's records and links only clients they see or have made."""
    user = actor.user
    if not actor.is_person or user is None or not user.is_partner:
        return None
    if "__new__" not in changed and getattr(record, "partner_id", None) is not None and not record.is_open:
        return "", refusal(record, user)
    if "__new__" in changed and getattr(record, "partner_id", user.partner_id) != user.partner_id:
        return "", _("A partner makes records in its own pipeline only.")
    for name in CLIENT_LINKS:
        if name in changed and (linked := getattr(record, f"{name}_id", None)) is not None:
            field = record._meta.get_field(name)
            rows: Any = field.related_model._default_manager
            known = rows.filter(pk=linked).filter(
                _just_made(field, user) | Q(pk__in=rows.visible_to(user).values("pk"))
            )
            if not known.exists():
                return name, _("There is no such record.")
    return None


def _just_made(field: Any, user: Any) -> Q:
    """What they have made and nothing hangs on yet: in a conversion the client is there before its deal.

    Once it hung on a record, that record decides who sees it: after a recall it is not reached again by its number.
    """
    made = Q(created_by=user)
    for label in ("leads.Lead", "deals.Deal"):
        tied = apps.get_model(label)._default_manager.filter(**{f"{field.name}__isnull": False})
        made &= ~Q(pk__in=tied.order_by().values(f"{field.name}_id"))
    return made


def refuse_to_control(record: Any, changed: Set[str], actor: Actor) -> tuple[str, str] | None:
    """Who controls the partners enters the client's feedback and what a move asks for; the rest others write."""
    user = actor.user
    if not actor.is_person or actor.is_filling or user is None or user.role != Role.PARTNER_CONTROL:
        return None
    foreign = sorted(changed - FEEDBACK - {"__new__"})
    if foreign or "__new__" in changed:
        return (foreign[0] if foreign else ""), refusal(record, user)
    return None


def refuse_feedback(record: Any, changed: Set[str], actor: Actor) -> tuple[str, str] | None:
    """The client's scores of a partner's deal are entered by the manufacturer (PART-5), from 1 to 5."""
    named = sorted(FEEDBACK & changed)
    if not named:
        return None
    for name in ("feedback_product", "feedback_partner"):
        value = getattr(record, name)
        if name in changed and value not in (None, "") and str(value) not in {"1", "2", "3", "4", "5"}:
            return name, _("A score is a number from 1 to 5.")
    if "__new__" in changed and not any(getattr(record, name) for name in named):
        return None
    is_control = actor.user is not None and may_control(actor.user)
    if record.partner_id is not None and actor.is_person and not is_control:
        return named[0], _("The manufacturer asks the client for feedback.")
    return None
