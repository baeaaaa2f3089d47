"""A small company of everybody who must not see each other's records, and who sees what in it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from accounts.models import Role, User
from crm import events, services
from crm.models import Activity, Attachment, Company, Contact, record_model
from deals.models import Deal
from leads.models import Lead
from objects_registry.services import object_create
from partners.handoff import hand_over, recall
from tests.factories import make_team, make_user

PEOPLE = (
    "admin", "head", "owner", "teammate", "stranger", "operator", "control", "partner_a", "partner_b", "switched_off",
)  # fmt: skip
ALL = frozenset({"admin", "head"})
OWN_TEAM = ALL | {"owner", "teammate"}
CONTROLLED_A = OWN_TEAM | {"control", "partner_a"}

# Who may view each record: the records of three "sides" carry the side in their name.
VIEWERS: dict[str, frozenset[str]] = {
    "lead_own": OWN_TEAM,
    "lead_new": ALL | {"operator"},
    "lead_foreign": ALL | {"stranger"},
    "lead_a": ALL | {"control", "partner_a"},
    "lead_b": ALL | {"control", "partner_b"},
    "deal_own": OWN_TEAM,
    "deal_handed": OWN_TEAM,
    "deal_waiting": OWN_TEAM | {"control"},
    "deal_foreign": ALL | {"stranger"},
    "twin_a": ALL | {"control", "partner_a"},
    "deal_b": ALL | {"control", "partner_b"},
    "contact_own": OWN_TEAM,
    "contact_handed": CONTROLLED_A,
    "contact_waiting": OWN_TEAM | {"control"},
    "contact_foreign": ALL | {"stranger"},
    "company_own": OWN_TEAM,
    "company_handed": CONTROLLED_A,
    "company_waiting": OWN_TEAM | {"control"},
    "company_foreign": ALL | {"stranger"},
    "object_own": OWN_TEAM,
    "object_handed": CONTROLLED_A,
    "object_waiting": OWN_TEAM | {"control"},
    "object_foreign": ALL | {"stranger"},
}
# Who may change it: a team looks on, a partner changes no clients and objects of the manufacturer, control no fields.
CHANGERS: dict[str, frozenset[str]] = {
    name: (viewers - {"teammate", "control"})
    if name.startswith(("lead", "deal", "twin"))
    else viewers - {"teammate", "control", "partner_a", "partner_b"}
    for name, viewers in VIEWERS.items()
}
# A word by which global search finds the record and no other.
WORDS = {name: f"слово{number:02d}" for number, name in enumerate(VIEWERS)}


class World:
    """All people and records, by name."""

    def __init__(self) -> None:
        with events.silence():
            self._make()

    def _make(self) -> None:
        team = make_team(members_see_each_other=True)
        self.people: dict[str, User] = {
            "admin": make_user(Role.ADMINISTRATOR),
            "head": make_user(Role.SALES_HEAD),
            "owner": make_user(team=team),
            "teammate": make_user(team=team),
            "stranger": make_user(team=make_team(members_see_each_other=True)),
            "operator": make_user(Role.CALL_CENTER),
            "control": make_user(Role.PARTNER_CONTROL),
            "partner_a": make_user(Role.PARTNER),
            "partner_b": make_user(Role.PARTNER),
            "switched_off": make_user(Role.SALES_HEAD, is_active=False),
        }
        self.records: dict[str, Any] = {}
        self._clients("own", "owner")
        self._clients("handed", "owner")
        self._clients("waiting", "owner")
        self._clients("foreign", "stranger")
        self._leads_and_deals()
        for name, record in self.records.items():
            self._hang(name, record)

    def _clients(self, side: str, who: str) -> None:
        by = self.people[who]
        for kind, model, data in (
            ("contact", Contact, {"last_name": WORDS[f"contact_{side}"]}),
            ("company", Company, {"name": WORDS[f"company_{side}"]}),
        ):
            self.records[f"{kind}_{side}"] = services.record_create(
                model, data={**data, "responsible": by}, by=by, pipeline=kind
            )
        sizes = {"width": Decimal(24), "length": Decimal(60)}
        self.records[f"object_{side}"] = object_create(by=by, data={"name": WORDS[f"object_{side}"], **sizes})

    def _leads_and_deals(self) -> None:
        self._lead("lead_own", "owner", stage="handed_over")
        self._lead("lead_new", None, stage="data_complete")
        self._lead("lead_foreign", "stranger", stage="handed_over")
        self._lead("lead_a", "partner_a")
        self._lead("lead_b", "partner_b")
        self._deal("deal_own", "owner", "own")
        self._deal("deal_handed", "owner", "handed")
        self._deal("deal_foreign", "stranger", "foreign")
        self._deal("deal_b", "partner_b", "")
        handed = self.records["deal_handed"]
        partner: Any = self.people["partner_a"].partner
        handoff = hand_over(record=handed, partner=partner, by=self.people["owner"])
        twin = Deal.objects.get(pk=handoff.twin_id)
        services.record_update(twin, data={"title": WORDS["twin_a"]}, by=self.people["partner_a"])
        self.records["twin_a"] = twin
        self._taken_back_by_control()

    def _taken_back_by_control(self) -> None:
        """A deal that was with partner B and waits to be handed to another one."""
        self._deal("deal_waiting", "owner", "waiting")
        partner: Any = self.people["partner_b"].partner
        handoff = hand_over(record=self.records["deal_waiting"], partner=partner, by=self.people["owner"])
        recall(handoff_id=handoff.pk, by=self.people["control"], reason="Не звонят третий день")
        self.records["deal_waiting"].refresh_from_db()

    def _side(self, who: str | None) -> dict[str, Any]:
        person = self.people[who] if who else None
        return {"partner": person.partner} if person is not None and person.is_partner else {}

    def _lead(self, name: str, who: str | None, stage: str = "") -> None:
        person = self.people[who] if who else None
        side = self._side(who)
        self.records[name] = services.record_create(
            Lead,
            data={"title": WORDS[name], "name": "Пётр", "responsible": person},
            by=person or self.people["head"],
            pipeline="partner_lead" if side else "lead",
            stage=stage,
            **side,
        )

    def _deal(self, name: str, who: str, clients: str) -> None:
        kinds = ("contact", "company", "object") if clients else ()
        side = self._side(who)
        self.records[name] = services.record_create(
            Deal,
            data={
                "title": WORDS[name],
                "responsible": self.people[who],
                **{kind: self.records[f"{kind}_{clients}"] for kind in kinds},
            },
            by=self.people[who],
            pipeline="partner_deal" if side else "deal",
            **side,
        )

    def _hang(self, name: str, record: Any) -> None:
        head = self.people["head"]
        at = {"record_type": record.RECORD_TYPE, "record_id": record.pk, "size": 1, "content_type": "text/plain"}
        Attachment.objects.create(**at, name=f"{name}.txt", file=f"attachments/{name}", uploaded_by=head)
        internal = {"name": f"{name}-internal.txt", "file": f"attachments/{name}-i", "is_internal": True}
        Attachment.objects.create(**at, **internal, uploaded_by=head)
        services.note_add(record, text=f"заметка {name}", by=head)
        services.note_add(record, text=f"внутренняя {name}", by=head, internal=True)

    def of_model(self, model: Any) -> dict[str, Any]:
        """The named records of one model."""
        return {name: record for name, record in self.records.items() if type(record) is model}

    def seen(self, who: str, names: dict[str, frozenset[str]] = VIEWERS) -> set[str]:
        """What a person is meant to see (or change)."""
        return {name for name, people in names.items() if who in people}

    def named(self, rows: Any) -> set[str]:
        """The names of records in a queryset; what the world's making brought along has none."""
        known = {(type(record), record.pk): name for name, record in self.records.items()}
        return {known[type(row), row.pk] for row in rows if (type(row), row.pk) in known}


MODELS = [record_model(kind) for kind in ("lead", "deal", "contact", "company", "object")]

__all__ = ["CHANGERS", "MODELS", "PEOPLE", "VIEWERS", "WORDS", "Activity", "World"]
