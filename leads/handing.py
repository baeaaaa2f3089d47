"""«Передан менеджеру» means that a sales manager has the lead: whoever passes it on is asked to whom (LEAD-6, LEAD-8).

For moves of people alone: what the product itself hands over (a repeat lead of the head's own client) it has decided.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from accounts.models import Role, User
from crm import timeline
from crm.actors import Actor
from crm.errors import MissingField
from crm.models import Stage
from crm.services import record_assign
from leads.models import Lead
from leads.routing import evaluate, routed_line
from leads.stages import HANDED_OVER


def find_manager(lead: Lead, target: Stage, actor: Actor) -> None:
    """Before such a move: a lead that no sales manager has is given to whom the routing table says, if to anybody."""
    if not _lacks_manager(lead, target):
        return
    decision = evaluate(lead, dry_run=False)
    person = decision.choice.to
    if isinstance(person, User) and is_manager(person):
        timeline.record(lead, "lead_routed", actor, routed_line(decision))
        record_assign(lead, responsible=person, by=actor, reason=actor.name)


def ask_manager(lead: Lead, target: Stage) -> list[MissingField]:
    """What the move lacks: a sales manager, where the lead has none and the table names none."""
    if not _lacks_manager(lead, target):
        return []
    person = evaluate(lead).choice.to
    if isinstance(person, User) and is_manager(person):
        return []
    problem = _("The lead goes to a sales manager: choose to whom.")
    return [MissingField("responsible", _("Responsible"), ("responsible",), problem, "not_a_manager")]


def is_manager(person: User | None) -> bool:
    """Does the person sell? Heads share leads out; operators only take them in."""
    return person is not None and person.is_active and person.role == Role.SALES_MANAGER


def _lacks_manager(lead: Lead, target: Stage) -> bool:
    if target.code != HANDED_OVER or lead.partner_id is not None or is_manager(lead.responsible):
        return False
    # A company where the head sells alone has nobody else to pass leads on to.
    return User.objects.filter(role=Role.SALES_MANAGER, is_active=True).exists()
