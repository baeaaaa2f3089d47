"""A partner as a target of the routing table (LEAD-8): may it take leads now, and the hand-over itself."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from crm.actors import Actor
from crm.people import sales_head
from crm.services import record_assign
from leads.models import RoutingRule
from leads.routing import Choice
from partners.handoff import HandoffError, hand_over, receiver


def choose_partner(rule: RoutingRule, dry_run: bool) -> Choice:
    """The partner of the row, if it is active and has somebody to receive the lead."""
    if rule.partner is None:
        return Choice()
    try:
        with transaction.atomic():
            person = receiver(rule.partner)
    except HandoffError as error:
        return Choice(why=error.message.rstrip("."))
    return Choice(rule.partner, str(person))


def give_to_partner(lead: Any, choice: Choice, actor: Actor) -> None:
    """Hand the lead over; the manufacturer's lead stays with its responsible, who answers for it (PART-2)."""
    if lead.responsible is None:
        record_assign(lead, responsible=sales_head(), by=actor)
    hand_over(record=lead, partner=choice.to, by=actor)
