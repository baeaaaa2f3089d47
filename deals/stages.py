"""The shipped main pipeline of deals; its codes are fixed, rules bind to them."""

from __future__ import annotations

from crm.models import RecordType
from crm.pipelines import PipelineSpec, StageSpec

COSTING = "costing"
PROPOSAL_SENT = "proposal_sent"
DELAYED = "delayed_demand"
RESUMED = "resumed"
AT_PARTNER = "at_partner"
SIGNING = "contract_signing"
WON = "contract_signed"
CANCELLED = "construction_cancelled"

# Six ways to lose a deal: the stage itself is the reason, the list under it the detail (PIPE-4).
FAILURE_STAGES = (
    StageSpec(
        "price_of_structures",
        "Не устроила цена конструкций",
        "Price of structures",
        kind="failure",
        colour="red",
        asks_competitor=True,
        reasons=(("Дешевле у конкурента", "A competitor is cheaper"), ("Не вписались в бюджет", "Over the budget"),
                 ("Выросла цена металла", "The price of metal rose")),
    ),
    StageSpec(
        "price_of_delivery",
        "Не устроила цена доставки",
        "Price of delivery",
        kind="failure",
        colour="red",
        asks_competitor=True,
        reasons=(("Ближе другой завод", "Another plant is nearer"),
                 ("Дорогой негабарит", "Oversize transport costs too much")),
    ),
    StageSpec(
        "delivery_time",
        "Не устроили сроки доставки",
        "Time of delivery",
        kind="failure",
        colour="orange",
        reasons=(("Нужно раньше, чем можем", "Needed earlier than we can"),
                 ("Сдвинулся график стройки", "The site schedule moved")),
    ),
    StageSpec(
        "scope_of_services",
        "Не устроил объем услуг",
        "Scope of services",
        kind="failure",
        colour="orange",
        reasons=(("Нужен фундамент", "Foundation wanted"),
                 ("Нужен монтаж в регионе", "Installation in the region wanted"),
                 ("Нужна стройка под ключ", "Turnkey construction wanted")),
    ),
    StageSpec(
        "type_of_structure",
        "Не устроил тип конструкции",
        "Type of structure",
        kind="failure",
        colour="yellow",
        reasons=(("Выбрали бетон", "Concrete was chosen"), ("Выбрали тентовый ангар", "A tent hangar was chosen"),
                 ("Выбрали ЛСТК", "Light steel framing was chosen")),
    ),
    StageSpec(
        CANCELLED,
        "Клиент отменил строительство",
        "Client cancelled the construction",
        kind="failure",
        colour="gray",
        reasons=(("Нет финансирования", "No financing"), ("Нет участка или разрешения", "No land or permit"),
                 ("Купили готовое", "Bought a ready building")),
    ),
)  # fmt: skip

PIPELINES = (
    PipelineSpec(
        "deal",
        RecordType.DEAL,
        "Главное",
        "Main",
        (
            StageSpec("request_received", "Получен запрос", "Request received", is_start=True, colour="azure",
                      norm_hours=24, probability=10),
            StageSpec(COSTING, "Расчёт стоимости", "Costing", colour="blue", norm_hours=72, probability=20,
                      required=("client", "purpose", "size")),
            StageSpec(PROPOSAL_SENT, "Отправка КП", "Proposal sent", colour="indigo", norm_hours=120, probability=35,
                      required=("amount",)),
            StageSpec("negotiation", "Переговоры", "Negotiation", colour="purple", norm_hours=336, probability=50,
                      required=("amount", "construction_start")),
            StageSpec(DELAYED, "Отложенный спрос", "Delayed demand", colour="yellow", is_detour=True, probability=15,
                      required=("construction_start",)),
            StageSpec(RESUMED, "Возобновление работы", "Work resumed", colour="orange", is_detour=True, norm_hours=48,
                      probability=40,
                      returns_anywhere=True),
            StageSpec(AT_PARTNER, "В работе у Партнёров", "With partners", colour="cyan", is_detour=True,
                      probability=40,
                      required=("handoff",)),
            StageSpec(SIGNING, "Подписание договора", "Contract signing", colour="lime", norm_hours=240,
                      probability=85, can_win=True, required=("client", "amount", "expected_close_date")),
            StageSpec(WON, "Договор подписан", "Contract signed", kind="success", colour="green", probability=100,
                      required=("amount", "contract_number", "contract_date", "client_details")),
            *FAILURE_STAGES,
        ),
        order=20,
    ),
)  # fmt: skip
