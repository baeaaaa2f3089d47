"""The partner pipelines: what only partners and the manufacturer's controllers see."""

from __future__ import annotations

from crm.models import RecordType
from crm.pipelines import PipelineSpec, StageSpec
from deals.stages import FAILURE_STAGES as DEAL_FAILURES
from leads.stages import FAILURE_STAGES as LEAD_FAILURES

PARTNER_LEAD = "partner_lead"
PARTNER_DEAL = "partner_deal"
BY_KIND = {RecordType.LEAD: PARTNER_LEAD, RecordType.DEAL: PARTNER_DEAL}
CONTACTED = "contacted"
RECALLED = "recalled"
FEEDBACK = "feedback"
WON = "won"

NO_CONTACT = StageSpec(
    "no_contact", "Нет связи", "No contact", kind="failure", colour="orange",
    reasons=(("Не берёт трубку", "Does not answer"), ("Номер не существует", "The number does not exist")),
)  # fmt: skip
TAKEN_BACK = StageSpec(
    RECALLED, "Отозван производителем", "Recalled by the manufacturer", kind="neutral", colour="gray"
)

PIPELINES = (
    PipelineSpec(
        PARTNER_LEAD,
        RecordType.LEAD,
        "Лиды партнёров",
        "Partner leads",
        (
            StageSpec("received", "Получен партнёром", "Received by the partner", is_start=True, colour="azure",
                      norm_hours=4, probability=5),
            StageSpec(CONTACTED, "Связались с клиентом", "Client contacted", colour="blue", norm_hours=72,
                      probability=10),
            StageSpec("qualified", "Квалифицирован", "Qualified", colour="purple", norm_hours=72, probability=20,
                      can_win=True, required=("purpose", "place")),
            StageSpec("converted", "Конвертирован в сделку", "Converted", kind="success", colour="green",
                      probability=100, required=("deal",)),
            *LEAD_FAILURES,
            TAKEN_BACK,
        ),
        is_partner=True,
        order=60,
    ),
    PipelineSpec(
        PARTNER_DEAL,
        RecordType.DEAL,
        "Сделки партнёров",
        "Partner deals",
        (
            StageSpec("received", "Получен партнёром", "Received by the partner", is_start=True, colour="azure",
                      norm_hours=4, probability=10),
            StageSpec(CONTACTED, "Связались с клиентом", "Client contacted", colour="blue", norm_hours=120,
                      probability=20),
            StageSpec("surveyed", "Замер и уточнение", "Survey", colour="indigo", norm_hours=120, probability=30,
                      required=("size",)),
            StageSpec("proposal_sent", "КП отправлено", "Proposal sent", colour="purple", norm_hours=120,
                      probability=40, required=("amount",)),
            StageSpec("negotiation", "Переговоры", "Negotiation", colour="pink", norm_hours=336, probability=50,
                      required=("amount",)),
            StageSpec("contract_signing", "Подписание договора", "Contract signing", colour="lime", norm_hours=240,
                      probability=80, required=("amount", "expected_close_date")),
            StageSpec("delivery", "Поставка и монтаж", "Delivery and installation", colour="teal", norm_hours=1440,
                      probability=95, required=("amount", "contract_number", "contract_date")),
            StageSpec(FEEDBACK, "Обратная связь клиента", "Client's feedback", colour="cyan", norm_hours=72,
                      probability=98, can_win=True),
            StageSpec(WON, "Успешно", "Won", kind="success", colour="green", probability=100,
                      required=("amount", "contract_number", "contract_date", "client_details", "feedback_product",
                                "feedback_partner")),
            *DEAL_FAILURES,
            NO_CONTACT,
            TAKEN_BACK,
        ),
        is_partner=True,
        order=70,
    ),
)  # fmt: skip
