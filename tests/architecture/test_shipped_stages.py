"""What migrations laid into the database is what the apps declare, and the Russian names are the promised ones."""

from __future__ import annotations

import importlib

import pytest

from crm.models import Pipeline, RefusalReason, Stage
from crm.pipelines import as_rows

pytestmark = pytest.mark.django_db
DECLARING = ("crm.shipped", "objects_registry.stages", "deals.stages", "leads.stages", "partners.stages")
MAIN = (
    "Получен запрос|Расчёт стоимости|Отправка КП|Переговоры|Отложенный спрос|Возобновление работы|"
    "В работе у Партнёров|Подписание договора|Договор подписан|Не устроила цена конструкций|"
    "Не устроила цена доставки|Не устроили сроки доставки|Не устроил объем услуг|Не устроил тип конструкции|"
    "Клиент отменил строительство"
)
NAMES = {
    "lead": "Не обработан|Не хватает данных|Данные заполнены|Передан менеджеру|Конвертирован в сделку|"
    "Не продукция компании|Ошибочные лиды|Нет связи|Зависшие лиды|Отказ с нашей стороны|Контакт сохранён",
    "deal": MAIN,
    "contact": "Потенциальный|В работе|Клиент|Постоянный клиент|Неактивный|В исключениях",
    "company": "Потенциальный|В работе|Клиент|Постоянный клиент|Неактивный|В исключениях",
    "object": "Планируется|Расчёт|Законтрактован|Строится|Сдан|Отменён|Объединён с другим",
}


@pytest.mark.parametrize("module", DECLARING)
def test_the_database_holds_what_is_declared(module: str) -> None:
    for spec in as_rows(importlib.import_module(module).PIPELINES):
        pipeline = Pipeline.objects.get(pk=spec["code"])
        assert (pipeline.record_type, pipeline.is_partner) == (spec["record_type"], spec["is_partner"])
        stages = {stage.code: stage for stage in Stage.objects.filter(pipeline=pipeline)}
        assert list(stages) == [row["code"] for row in spec["stages"]]
        for row in spec["stages"]:
            stage = stages[row["code"]]
            for name in row.keys() - {"reasons"}:
                assert getattr(stage, name) == row[name], (stage.key, name)
            laid = RefusalReason.objects.filter(stage=stage).values_list("name_ru", "name_en", "asks_competitor")
            assert [list(reason) for reason in laid] == row["reasons"]


@pytest.mark.rule("PIPE-1")
@pytest.mark.parametrize("pipeline", NAMES)
def test_russian_names_are_word_for_word(pipeline: str) -> None:
    names = Stage.objects.filter(pipeline=pipeline).values_list("name_ru", flat=True)
    assert list(names) == NAMES[pipeline].split("|")


@pytest.mark.rule("PIPE-1")
def test_each_pipeline_has_one_start_and_an_end() -> None:
    for pipeline in Pipeline.objects.all():
        kinds = list(pipeline.stages.values_list("kind", flat=True))
        assert pipeline.stages.filter(is_start=True).count() == 1
        assert "failure" in kinds
        assert "success" in kinds


@pytest.mark.rule("PIPE-4")
def test_every_failure_stage_of_leads_and_deals_offers_reasons() -> None:
    for stage in Stage.objects.filter(kind="failure", pipeline__record_type__in=["lead", "deal"]):
        assert stage.reasons.filter(is_active=True).exists(), stage.key
        assert str(list(stage.reasons.filter(is_active=True))[-1].name_ru) == "Другое", stage.key
