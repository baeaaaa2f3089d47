"""Random clients for the money reports: requests of several sources over months, deals out of them, copies."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from crm import clock, events, pipelines, services
from crm.stages import Refusal, move
from deals.models import Deal
from leads.copies import make_copies
from leads.models import Lead
from tests.factories import make_client, make_company

BEGIN = datetime(2026, 1, 10, 9, 0, tzinfo=UTC)
SOURCES = ("yandex_direct", "referral", "email", None)
CAMPAIGNS = ("hangars", "sheds", "")


def play_clients(people: list[Any], seed: int, count: int) -> None:
    """Make `count` clients, each with a few requests and deals; no rules interfere."""
    chance = random.Random(seed)
    with events.silence():
        for _number in range(count):
            owner, at = chance.choice(people), BEGIN + timedelta(hours=chance.randrange(0, 24 * 90))
            with clock.frozen(at - timedelta(days=2)):
                client = _client(owner, chance)
            for _request in range(chance.randrange(1, 4)):
                at += timedelta(hours=chance.randrange(1, 24 * 20))
                _request_of(client, owner, chance, at)


def _touch(chance: random.Random) -> dict[str, Any]:
    source = chance.choice(SOURCES)
    return {"source_id": source, "utm_campaign": chance.choice(CAMPAIGNS) if source else ""}


def _client(owner: Any, chance: random.Random) -> dict[str, Any]:
    locked = _touch(chance) if chance.random() < 0.4 else {}
    if chance.random() < 0.5:
        company = make_company(owner, **locked)
        return {"company": company, "contact": make_client(owner, company=company)}
    return {"contact": make_client(owner, **locked)}


def _request_of(client: dict[str, Any], owner: Any, chance: random.Random, at: datetime) -> None:
    touch, deal = _touch(chance), None
    with clock.frozen(at):
        if chance.random() < 0.7:
            deal = _deal(client, owner, chance, touch)
        if deal is None or chance.random() < 0.7:
            data = {"title": "Запрос", "responsible": owner, **client, **touch}
            lead = services.record_create(Lead, data=data, by=owner, pipeline="lead")
            Lead.objects.filter(pk=lead.pk).update(deal=deal)
        if deal is not None and chance.random() < 0.3:
            for copy in make_copies(deal_id=deal.pk, by=owner, count=1, key="k").deals.all():
                _finish(copy, owner, chance, at)
    if deal is not None:
        _finish(deal, owner, chance, at + timedelta(days=chance.randrange(0, 40)))


def _deal(client: dict[str, Any], owner: Any, chance: random.Random, touch: dict[str, Any]) -> Deal:
    amount = Decimal(chance.randrange(1, 10**7)) / 100 if chance.random() < 0.9 else None
    data = {"title": "Ангар", "responsible": owner, "amount": amount, **client, **touch}
    return services.record_create(Deal, data=data, by=owner, pipeline="deal")


def _finish(deal: Deal, owner: Any, chance: random.Random, at: datetime) -> None:
    code = chance.choice(["contract_signed", "contract_signed", "price_of_structures", "negotiation", ""])
    if not code:
        return
    target, refusal = pipelines.find_stage("deal", code), None
    if target.kind == "failure":
        refusal = Refusal(next(iter(target.reasons.all())).pk, "Клиент выбрал другого поставщика", "Завод МК")
    with clock.frozen(at):
        move(deal, code, by=owner, override=True, refusal=refusal, reason="тестовый ход жизни")
