"""How leads and deals are lost in the demo: the reason from the stage's list, and a comment that fits the record."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from crm.models import RefusalReason
from crm.rows import row
from crm.stages import Refusal, copy_state, move
from deals.models import Deal
from leads.models import Lead
from web.demo import words
from web.demo.wishes import Wish
from web.demo.world import World

MILLION = Decimal(1_000_000)


def reread(record: Any) -> None:
    """Bring a record up to what robots and colleagues have made of it meanwhile."""
    found = row(type(record), record.pk)
    if found is not None:
        copy_state(record, found)


def reason_named(world: World, stage: str, names: tuple[str, ...]) -> RefusalReason:
    """One of the reasons of a failure stage: of those called so, else of all of them."""
    offered = world.reasons[stage]
    return world.chance.choice([reason for reason in offered if reason.name_ru in names] or offered)


def lose_lead(world: World, lead: Lead, by: Any, wish: Wish, stages: tuple[str, ...]) -> None:
    """Close a lead for what is the matter with it: off the subject, too small or too far, else one of `stages`."""
    names: tuple[str, ...]
    if wish.off_topic is not None:
        odd = words.OFF_TOPIC[wish.off_topic]
        code, names, comment = odd.stage, (odd.reason,), odd.comment
    elif wish.is_small or wish.is_far:
        code, names = "declined_by_us", ("Слишком малый объём" if wish.is_small else "Не работаем в регионе",)
        comment = ""
    else:
        code, comment = world.chance.choice(stages), ""
        names = words.LEAD_REASONS[code]
    reason = reason_named(world, f"lead:{code}", names)
    told = comment or _lead_comment(world, lead, wish, reason)
    # Operators cannot close leads that are not theirs to close: the head does it on their word.
    author = world.head if by.role == "call_center" else by
    move(lead, code, by=author, refusal=Refusal(reason.pk, told))


def _lead_comment(world: World, lead: Lead, wish: Wish, reason: RefusalReason) -> str:
    if reason.name_ru == "Номер не существует":
        return "Номер не обслуживается, письмо вернулось" if lead.email else "Номер не обслуживается, почты нет"
    text = world.chance.choice(words.LEAD_COMMENTS[reason.name_ru])
    name = words.NAMES[wish.purpose].nominative
    return text.format(city=wish.city, What=name[0].upper() + name[1:], size=f"{wish.length:f}×{wish.width:f} м")


def lose_deal(world: World, deal: Deal, wish: Wish) -> bool:
    """Refuse a deal; where the price decides, the competitor and its price are named. False where it stands closed."""
    reread(deal)
    if not deal.is_open or deal.stage == "deal:at_partner" or deal.responsible is None:
        return False
    code, _weight = world.pick(words.DEAL_LOSSES)
    move(deal, code, by=deal.responsible, refusal=deal_refusal(world, deal, wish, f"deal:{code}"))
    return True


def deal_refusal(world: World, deal: Deal, wish: Wish, stage: str) -> Refusal:
    """A reason that is possible for this deal, and words that fit its numbers."""
    reason = reason_named(world, stage, _possible(deal, wish))
    texts = words.DEAL_COMMENTS.get(reason.name_ru) or words.LEAD_COMMENTS.get(reason.name_ru) or ("Клиент отказался",)
    percent = world.chance.randrange(7, 19)
    competitor = world.chance.choice(words.COMPETITORS) if reason.asks_competitor else ""
    price = None
    if competitor and deal.amount:
        price = thousands(deal.amount * (100 - percent) / 100)
    if competitor and price is None:
        texts = ("Предложение {competitor} дешевле, сумму не назвали",)
    comment = world.chance.choice(texts).format(
        competitor=competitor,
        percent=f"{percent}\u00a0%",
        budget=_millions((deal.amount or 0) * Decimal("0.82")),
        ours=_millions(deal.amount or Decimal(0)),
        city=deal.city or wish.city,
    )
    return Refusal(reason.pk, comment, competitor, price)


def thousands(amount: Decimal) -> Decimal:
    """A price as people name it: whole thousands of roubles."""
    return (amount / 1000).quantize(Decimal(1)) * 1000


def _possible(deal: Deal, wish: Wish) -> tuple[str, ...]:
    names = set(words.DEAL_COMMENTS) | set(words.LEAD_COMMENTS)
    if not deal.amount:
        names.discard("Не вписались в бюджет")
    if (deal.purpose_id or wish.purpose) not in words.TENT_LIKE:
        names.discard("Выбрали тентовый ангар")
    return tuple(names)


def _millions(amount: Decimal) -> str:
    return f"{amount / MILLION:.1f}".replace(".", ",").removesuffix(",0") + "\u00a0млн"
