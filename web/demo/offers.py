"""What the demo's plant sells, its details on paper, and the quotes that stand on the board."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from crm import clock, preferences
from deals.document_content import Wish
from deals.documents import document_create
from deals.models import Deal, Product
from deals.services import deal_lines_set
from deals.stages import SIGNING
from web.demo.world import World

# Name, in English, unit, price in roubles with VAT, by the tonne.
PRODUCTS: tuple[tuple[str, str, str, int, bool], ...] = (
    ("Металлоконструкции каркаса, изготовление", "Steel frame, made", "т", 258_000, True),
    ("Монтаж каркаса", "Steel frame, erected", "т", 52_000, True),
    ("Проект КМ и КМД", "Drawings of the structure", "шт.", 290_000, False),
    ("Стеновые сэндвич-панели 100 мм с монтажом", "Wall panels 100 mm, mounted", "м²", 4_350, False),
    ("Кровельные сэндвич-панели 150 мм с монтажом", "Roof panels 150 mm, mounted", "м²", 5_100, False),
    ("Ворота секционные 4×4 м", "Sectional gate 4×4 m", "шт.", 268_000, False),
    ("Доставка, машина до 20 т", "Delivery, a lorry of up to 20 t", "рейс", 96_000, False),
    ("Шеф-монтаж", "Supervision of the erection", "день", 19_500, False),
)
# The details are made up: no bank, number or house is meant, though their digits check.
DETAILS = {
    "seller_name": "АО «Завод металлоконструкций „Северсталькон“»",
    "seller_inn": "7700000009",
    "seller_kpp": "770001001",
    "seller_ogrn": "1027700000008",
    "seller_address": "000000, Демонстрационный край, г. Примерск, Заводская ул., 1",
    "seller_city": "г. Примерск",
    "seller_bank": "АО «Пример-банк», г. Примерск",
    "seller_bik": "049999900",
    "seller_account": "40702810800000000001",
    "seller_corr_account": "30101810700000000900",
    "seller_contacts": "8 (900) 000-00-00, sales@example.com",
    "seller_signatory": "генерального директора Демидова А. А., действующего на основании устава",
    "seller_director": "Демидов А. А.",
    "seller_accountant": "Счётова И. И.",
    "quote_terms": "Аванс 50 %, 40 % перед отгрузкой, 10 % после монтажа.\n"
    "Изготовление 45 рабочих дней после согласования чертежей.",
    "contract_terms": "3.1. Аванс 50 % – в течение 5 банковских дней после подписания, 40 % – перед отгрузкой, "
    "10 % – в течение 5 банковских дней после приёмки.\n"
    "3.2. Срок изготовления – 45 рабочих дней после аванса и согласования чертежей.",
}
STAGES = ("deal:proposal_sent", "deal:negotiation", "deal:contract_signing")
QUOTED = 12
LORRY = 20


def make_catalogue() -> None:
    """Fill the catalogue and the details that documents bear."""
    for place, (name, english, unit, price, per_tonne) in enumerate(PRODUCTS):
        Product.objects.create(
            name_ru=name, name_en=english, unit=unit, price=Decimal(price), per_tonne=per_tonne, order=place
        )
    for key, value in DETAILS.items():
        preferences.set_value(key, value)


def make_offers(world: World, now: datetime) -> None:
    """Give the deals to which a proposal went last their lines and the quote itself."""
    rows = Deal.objects.alive().filter(stage__in=STAGES, partner__isnull=True, tonnage__gt=0, responsible__isnull=False)
    products = list(Product.objects.order_by("order"))
    for number, deal in enumerate(rows.select_related("responsible").order_by("-stage_entered_at", "pk")[:QUOTED]):
        with clock.frozen(now - timedelta(hours=2 + number)):
            deal_lines_set(deal, by=deal.responsible, lines=_lines(world, deal, products), takes_amount=True)
            document_create(deal, by=deal.responsible, wish=Wish("quote", DETAILS["quote_terms"]))
            if deal.stage_row.code == SIGNING:
                _papers(deal, by=deal.responsible)


def _papers(deal: Deal, *, by: Any) -> None:
    """What is on the table at signing: the contract and an invoice for the first half."""
    document_create(deal, by=by, wish=Wish("contract", DETAILS["contract_terms"]))
    document_create(deal, by=by, wish=Wish("invoice", share=Decimal(50)))


def _lines(world: World, deal: Deal, products: list[Product]) -> list[dict[str, Any]]:
    """The frame, its erection, the drawings, gates, and as many lorries as the tonnes fill."""
    frame, erection, drawings, _walls, _roof, gate, lorry, _help = products
    lorries = -(-int(deal.tonnage or LORRY) // LORRY) or 1
    return [
        {"product": frame, "discount": Decimal(world.chance.choice((0, 0, 2, 3)))},
        {"product": erection},
        {"product": drawings, "quantity": Decimal(1)},
        {"product": gate, "quantity": Decimal(world.chance.choice((1, 2, 2)))},
        {"product": lorry, "quantity": Decimal(lorries)},
    ]
