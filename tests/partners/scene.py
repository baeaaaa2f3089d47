"""The people and records around a hand-over, for tests of what each of them may see and do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.test import Client

from accounts.models import Partner, Role
from crm import services
from crm.models import Company, Contact
from crm.stages import move
from deals.models import Deal
from leads.models import Lead
from leads.services import lead_create
from objects_registry.services import object_create
from partners.handoff import hand_over
from partners.models import Handoff
from partners.services import feedback_set
from tests.factories import make_partner, make_team, make_user

HTMX = {"HX-Request": "true"}
# What no partner may find, read or be told after a recall.
PHONE, MAIL, TAIL = "+79161234567", "kim@romashka.example", "4567"
SECRETS = ("9161234567", "916) 123", MAIL, "Кимов", "Ромашка", "7707083893", "Полевая", "Тверь", "Цех Ромашки")
SIZE: dict[str, Any] = {
    "purpose": "hangar",
    "width": Decimal(18),
    "length": Decimal(36),
    "address": "г. Тверь, Полевая 5",
}


def browser(user: Any) -> Client:
    """A signed-in browser."""
    made = Client()
    made.force_login(user)
    return made


class Scene:
    """A manager with a teammate, a stranger, control and the call centre; partner A of two people, and partner B."""

    def __init__(self) -> None:
        team = make_team(members_see_each_other=True)
        self.manager, self.teammate = (make_user(team=team) for _number in range(2))
        self.stranger, self.head = make_user(), make_user(Role.SALES_HEAD)
        self.control, self.operator = make_user(Role.PARTNER_CONTROL), make_user(Role.CALL_CENTER)
        self.dealer, self.colleague = (make_user(Role.PARTNER, partner=p) for p in [make_partner(name="Дилер А")] * 2)
        self.other = make_user(Role.PARTNER, partner=make_partner(name="Дилер Б"))
        self.partner: Partner = self.dealer.partner  # type: ignore[assignment]
        self.company = services.record_create(
            Company, data={"name": "ООО Ромашка", "inn": "7707083893"}, by=self.manager, pipeline="company"
        )
        self.contact = services.record_create(
            Contact,
            data={"last_name": "Кимов", "phone": PHONE, "email": MAIL, "company": self.company},
            by=self.manager,
            pipeline="contact",
        )
        self.object = object_create(by=self.manager, data={"name": "Цех Ромашки", **SIZE})

    def deal(self, **data: Any) -> Deal:
        """A deal of the manager with contact, company and object."""
        values = {
            "title": f"Ангар для Кимова, {PHONE}", "responsible": self.manager, "company": self.company,
            "contact": self.contact, "object": self.object, "request_text": f"Звоните Кимову {PHONE}", **SIZE, **data,
        }  # fmt: skip
        return services.record_create(Deal, data=values, by=self.manager, pipeline="deal", stage="costing")

    def lead(self, **data: Any) -> Lead:
        """A lead of the manager with phone and e-mail, at «Передан менеджеру»."""
        values = {"name": "Пётр Кимов", "company_name": "Ромашка", "responsible": self.manager, **SIZE, **data}
        made = lead_create(by=self.manager, data=values, phones=PHONE, emails=MAIL)
        return Lead.objects.get(pk=made.pk)

    def handed(self, record: Any, to: Any = None) -> tuple[Handoff, Any]:
        """Hand it over; answers the hand-over and the twin."""
        handoff = hand_over(record=record, partner=to or self.partner, by=self.head, comment=f"Кимов ждёт: {PHONE}")
        return handoff, type(record).objects.get(pk=handoff.twin_id)


def win(scene: Scene, twin: Any, **data: Any) -> None:
    """The partner goes all the way to the feedback, control enters the scores and closes the deal as won."""
    given = {"amount": 777_000, "contract_number": "15-А", "contract_date": "2026-03-01", **data}
    move(twin, "delivery", by=scene.dealer, data=given)
    move(twin, "feedback", by=scene.dealer)
    feedback_set(twin, by=scene.control, product=5, partner=4, text="Сдали")
    move(fresh(twin), "won", by=scene.control)


def fresh(record: Any) -> Any:
    """The row as it is now."""
    return type(record).objects.get(pk=record.pk)
