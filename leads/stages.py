"""The shipped pipeline of leads; its codes are fixed, rules bind to them."""

from __future__ import annotations

from crm.models import RecordType
from crm.pipelines import PipelineSpec, StageSpec

NEW = "new"
NEEDS_DATA = "needs_data"
DATA_COMPLETE = "data_complete"
HANDED_OVER = "handed_over"
CONVERTED = "converted"
CONTACT_SAVED = "contact_saved"

FAILURE_STAGES = (
    StageSpec("not_our_product", "Не продукция компании", "Not our product", kind="failure", colour="gray",
              reasons=(("Деревянные конструкции", "Wooden structures"), ("Железобетон", "Reinforced concrete"),
                       ("Мелкие изделия", "Small items"), ("Вакансия или реклама", "Job or advertising"))),
    StageSpec("erroneous", "Ошибочные лиды", "Erroneous", kind="failure", colour="gray",
              reasons=(("Ошиблись номером", "Wrong number"), ("Спам", "Spam"), ("Тестовая заявка", "Test request"))),
    StageSpec("no_contact", "Нет связи", "No contact", kind="failure", colour="orange",
              reasons=(("Не берёт трубку", "Does not answer"), ("Номер не существует", "The number does not exist"))),
    StageSpec("stalled", "Зависшие лиды", "Stalled", kind="failure", colour="yellow",
              reasons=(("Клиент пропал", "The client disappeared"), ("Нет движения", "No movement"))),
    StageSpec("declined_by_us", "Отказ с нашей стороны", "Declined by us", kind="failure", colour="red",
              reasons=(("Слишком малый объём", "Too small"), ("Не работаем в регионе", "We do not work in the region"),
                       ("Нет мощностей", "No capacity"))),
)  # fmt: skip

PIPELINES = (
    PipelineSpec(
        "lead",
        RecordType.LEAD,
        "Лиды",
        "Leads",
        (
            StageSpec(NEW, "Не обработан", "New", is_start=True, colour="azure", norm_hours=1, probability=5),
            StageSpec(NEEDS_DATA, "Не хватает данных", "Needs data", colour="orange", is_detour=True,
                      norm_hours=24, probability=5),
            StageSpec(DATA_COMPLETE, "Данные заполнены", "Data complete", colour="indigo", norm_hours=8,
                      probability=15, can_win=True,
                      required=("name", "contact_point", "purpose", "place", "size")),
            StageSpec(HANDED_OVER, "Передан менеджеру", "Handed over", colour="purple", norm_hours=24,
                      probability=20, can_win=True, required=("responsible", "contact_point")),
            StageSpec(CONVERTED, "Конвертирован в сделку", "Converted", kind="success", colour="green",
                      probability=100, required=("deal",)),
            *FAILURE_STAGES,
            StageSpec(CONTACT_SAVED, "Контакт сохранён", "Contact saved", kind="neutral", colour="cyan",
                      required=("contact",)),
        ),
        order=10,
    ),
)  # fmt: skip
