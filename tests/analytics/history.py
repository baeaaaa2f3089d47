"""Random lives of deals for the reports' tests, told through the services at moving times."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from crm import clock, events, pipelines, services
from crm.models import Stage
from crm.stages import Refusal, move
from deals.models import Deal

BEGIN = datetime(2026, 1, 10, 9, 0, tzinfo=UTC)
OPEN = ("request_received", "costing", "proposal_sent", "negotiation", "delayed_demand", "resumed", "contract_signing")


def play(people: list[Any], seed: int, count: int) -> None:
    """Make `count` deals that move, come back, are lost, reopened and won; no rules interfere."""
    chance = random.Random(seed)
    with events.silence():
        for _number in range(count):
            owner = chance.choice(people)
            at = BEGIN + timedelta(hours=chance.randrange(0, 24 * 150))
            with clock.frozen(at):
                deal = services.record_create(
                    Deal,
                    data={
                        "title": "Ангар",
                        "responsible": owner,
                        "amount": Decimal(chance.randrange(1, 10**7)) / 100 if chance.random() < 0.9 else None,
                        "region": chance.choice(["Татарстан", "Пермский край", ""]),
                        "source_id": chance.choice(["yandex_direct", "referral", None]),
                    },
                    by=owner,
                    pipeline="deal",
                )
            _live(deal, owner, chance, at)


def _live(deal: Deal, owner: Any, chance: random.Random, at: datetime) -> None:
    for _step in range(chance.randrange(0, 7)):
        at += timedelta(minutes=chance.randrange(1, 60 * 24 * 20))
        codes = [*OPEN, "contract_signed", "price_of_structures", "delivery_time"]
        target = pipelines.find_stage("deal", chance.choice(codes))
        if target.key == deal.stage or (not deal.is_open and not target.is_open):
            continue
        refusal = None
        if target.kind == Stage.Kind.FAILURE:
            reason = chance.choice(list(target.reasons.all()))
            refusal = Refusal(reason.pk, "Клиент выбрал другого поставщика", "Завод МК")
        with clock.frozen(at):
            move(deal, target.code, by=owner, override=True, refusal=refusal, reason="тестовый ход жизни")
