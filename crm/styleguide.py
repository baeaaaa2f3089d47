"""Sample context for /styleguide/: every part of the interface on one page, without a single row of the database."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace as Sample
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from crm import clock
from crm.formfields import DayField

COLOURS = ("gray", "blue", "indigo", "purple", "orange", "teal", "green", "red")
PEOPLE = ("Соколова Анна", "Орлов Дмитрий", "Власова Ирина", "Егоров Пётр")


def _stage(code: str, name: str, colour: str, kind: str = "open") -> Sample:
    return Sample(
        key=f"deal:{code}",
        code=code,
        name=name,
        colour=colour,
        kind=kind,
        is_open=kind == "open",
        is_failure=kind == "failure",
    )


STAGES = (
    _stage("request_received", "Получен запрос", "gray"),
    _stage("costing", "Расчёт стоимости", "azure"),
    _stage("proposal_sent", "Отправка КП", "blue"),
    _stage("negotiation", "Переговоры", "indigo"),
    _stage("delayed_demand", "Отложенный спрос", "purple"),
    _stage("contract_signing", "Подписание договора", "teal"),
)
SIGNED = _stage("contract_signed", "Договор подписан", "green", "success")


class SampleForm(forms.Form):
    """One field of every kind, with help and an error."""

    name = forms.CharField(label="Название", max_length=100, help_text="Как клиент называет объект.")
    phone = forms.CharField(label="Телефон", widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}))
    length = forms.DecimalField(label="Длина, м", required=False)
    width = forms.DecimalField(label="Ширина, м", required=False)
    purpose = forms.ChoiceField(label="Назначение", choices=[("", "—"), ("w", "Склад"), ("h", "Ангар")])
    client = forms.CharField(
        label="Клиент", required=False, widget=forms.Select(attrs={"data-autocomplete-url": "/nowhere/"})
    )
    start = DayField(label="Начало стройки", required=False)
    note = forms.CharField(label="Запрос клиента", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    consent = forms.BooleanField(label="Согласен на напоминания", required=False)


class SampleRefusal(forms.Form):
    """The look of the refusal dialog."""

    to = forms.ChoiceField(
        label="Почему отказ",
        widget=forms.RadioSelect,
        choices=[
            ("price_of_structures", "Не устроила цена конструкций"),
            ("price_of_delivery", "Не устроила цена доставки"),
            ("delivery_time", "Не устроили сроки доставки"),
            ("scope_of_services", "Не устроил объем услуг"),
            ("type_of_structure", "Не устроил тип конструкции"),
            ("construction_cancelled", "Клиент отменил строительство"),
        ],
    )
    comment = forms.CharField(label="Комментарий", widget=forms.Textarea(attrs={"rows": 2}))


class SampleNote(forms.Form):
    """The first tab of the composer."""

    text = forms.CharField(label="Заметка", widget=forms.Textarea(attrs={"rows": 2}))


class SampleTask(forms.Form):
    """The second tab of the composer."""

    title = forms.CharField(label="Что сделать")
    due = forms.CharField(label="Когда", help_text="Например: завтра 15:00")


def _card(number: int, stage: Sample) -> Sample:
    now = clock.now()
    sizes = ("60×24 м, 1 440 м²", "36×18 м, 648 м²", "30×12 м, 360 м²", "")
    clients = ("ООО «СтройГарант»", "Кузнецов Алексей", "АО «Агрохолдинг Нива»", "ИП Мельник С. В.")
    return Sample(
        id=number,
        url="#",
        title=("Склад — СтройГарант, 1 440 м²", "Ангар под технику, Казань", "Цех с кран-балкой 5 т")[number % 3],
        client=clients[number % 4],
        phone="+79123456789" if number % 2 else "",
        size=sizes[number % 4],
        source=("Яндекс Директ", "Сайт", "Авито")[number % 3],
        amount=Decimal(1_250_000 + 730_500 * number),
        days=("2 дня", "5 ч", "14 дней")[number % 3],
        stale=number % 3 == 2,
        next_step="Позвонить по КП" if number % 4 else "",
        next_due=now + timedelta(hours=number - 3),
        next_overdue=number % 4 == 1,
        responsible=PEOPLE[number % 4],
        repeat=number % 4 == 2,
        tags=[("срочно", "red")] if number % 5 == 1 else [],
        stage_key=stage.key,
        move_url="/nowhere/",
        refuse_url="/nowhere/",
    )


def _board() -> dict[str, Any]:
    columns = []
    number = 0
    for place, stage in enumerate(STAGES):
        cards = [_card(number + step, stage) for step in range((3, 5, 2, 1, 0, 2)[place])]
        number += len(cards)
        columns.append(
            {
                "stage": stage,
                "count": len(cards) * 7,
                "sum": sum((card.amount for card in cards), Decimal(0)),
                "overdue": place % 3,
                "cards": cards,
                "create_url": "#" if place == 0 else "",
            }
        )
    return {"board_columns": columns, "board_ends": [SIGNED], "board_can_refuse": True}


def _timeline() -> list[dict[str, Any]]:
    now = clock.now()
    return [
        {
            "id": 1,
            "icon": "note",
            "colour": "yellow",
            "who": PEOPLE[0],
            "when": now,
            "text": "Заметка",
            "body": "Просит сэндвич 120 мм, ворота 4×4,5. Решение до конца месяца.",
            "pinned": True,
            "day_break": "Сегодня",
        },
        {
            "id": 2,
            "icon": "arrow-right",
            "colour": "indigo",
            "who": PEOPLE[1],
            "when": now - timedelta(hours=3),
            "text": "Стадия: «Отправка КП» → «Переговоры», стояла 2 дня",
        },
        {
            "id": 3,
            "icon": "mail-forward",
            "colour": "blue",
            "robot": "Робот «Напоминание через 60 дней»",
            "when": now - timedelta(days=1),
            "text": "Письмо отправлено: «Ваш проект ангара»",
            "day_break": "Вчера",
        },
        {
            "id": 4,
            "icon": "pencil",
            "colour": "gray",
            "who": PEOPLE[2],
            "when": now - timedelta(days=1, hours=2),
            "text": "Изменены поля",
            "changes": [
                {"label": "Сумма", "old": "4 100 000 ₽", "new": "4 350 000 ₽"},
                {"label": "Начало стройки", "old": "", "new": "01.04.2027"},
            ],
        },
    ]


def _tasks() -> list[dict[str, Any]]:
    now = clock.now()
    common = {"done_url": "/nowhere/", "postpone_url": "/nowhere/", "record": "Склад — СтройГарант", "record_url": "#"}
    return [
        common | {"id": 1, "title": "Перезвонить по КП", "due": now - timedelta(hours=5), "overdue": True,
                  "responsible": PEOPLE[0], "phone": "+79123456789"},
        common | {"id": 2, "title": "Согласовать чертёж узла", "due": now + timedelta(hours=2),
                  "responsible": PEOPLE[1]},
        common | {"id": 3, "title": "Отправить договор", "due": now, "done": True, "responsible": PEOPLE[2]},
    ]  # fmt: skip


def _facts() -> list[dict[str, Any]]:
    return [
        {"label": "Клиент", "value": "ООО «СтройГарант»", "url": "#"},
        {"label": "Телефон", "value": "+7 (912) 345-67-89", "tel": "+79123456789", "copy": "+79123456789"},
        {"label": "ИНН", "value": "7707083893", "copy": "7707083893", "edit_url": "#"},
        {"label": "Площадь", "value": "1 450 м²", "flag": "указана вручную", "note": "60 × 24 = 1 440 м²"},
        {"label": "Сумма", "value": "4 350 000 ₽", "edit_url": "#"},
        {"label": "Начало стройки", "value": "", "empty_text": "не указано", "edit_url": "#"},
        {"label": "Запрос клиента", "value": "Нужен тёплый склад 24 на 60 под Казанью, высота 8 м.", "wide": True},
    ]


def _merge() -> dict[str, Any]:
    def row(name: str, label: str, values: list[str], chosen: int = 0, united: bool = False) -> dict[str, Any]:
        cells = [{"record_id": i, "value": v, "chosen": i == chosen} for i, v in enumerate(values)]
        return {"name": name, "label": label, "cells": cells, "differs": len(set(values)) > 1, "united": united}

    return {
        "merge_records": [
            {"id": 0, "title": "Склад, Казань", "url": "#", "note": "3 сделки"},
            {"id": 1, "title": "Склад 60×24", "url": "#", "note": "1 лид"},
            {"id": 2, "title": "склад казань", "url": "#", "note": "1 сделка"},
        ],
        "merge_main": 0,
        "merge_fields": [
            row("name", "Название", ["Склад, Казань", "Склад 60×24", "склад казань"]),
            row("place", "Место", ["Казань", "", "Респ. Татарстан, г. Казань"], chosen=2),
            row("width", "Ширина", ["24 м", "24 м", "24 м"]),
            row("notes", "Примечания", ["Грунты слабые", "", "Въезд с юга"], united=True),
        ],
    }


def _report() -> dict[str, Any]:
    names = [stage.name for stage in STAGES] + [SIGNED.name]
    values = [412, 305, 244, 168, 71, 63, 48]
    rows = [
        {
            "label": name,
            "url": "#",
            "cells": [{"value": value, "url": "#"}, {"value": f"{round(value / values[0] * 100)} %", "url": ""}],
        }
        for name, value in zip(names, values, strict=True)
    ]
    return {
        "chart_id": "sample-funnel",
        "chart_title": "Воронка «Главное»",
        "chart_note": "Когорта: что стало с пришедшими за период",
        "chart": {
            "type": "hbar",
            "labels": names,
            "format": "number",
            "series": [{"label": "Сделок", "values": values, "colour": [stage.colour for stage in STAGES] + ["green"]}],
        },
        "table": {
            "columns": [
                {"label": "Стадия"},
                {"label": "Сделок", "numeric": True},
                {"label": "Доля", "numeric": True},
            ],
            "rows": rows,
        },
    }


def _list() -> dict[str, Any]:
    columns = [
        {"key": "title", "label": "Название", "sort": True},
        {"key": "stage", "label": "Стадия"},
        {"key": "client", "label": "Клиент"},
        {"key": "phone", "label": "Телефон"},
        {"key": "amount", "label": "Сумма", "sort": True, "numeric": True},
        {"key": "responsible", "label": "Ответственный"},
    ]
    rows = [(_card(number, STAGES[number % 6]), STAGES[number % 6]) for number in range(7)]
    page = Sample(
        count=1284, is_capped=False, number=2, has_next=True, has_previous=True, first_index=51, last_index=57
    )
    return {
        "columns": columns,
        "list_rows": rows,
        "page": page,
        "chips": [
            {"label": "Стадия", "value": "Переговоры", "url": "#"},
            {"label": "Сумма", "value": "от 1 000 000 ₽", "url": "#"},
        ],
        "bulk_actions": [
            {"name": "assign", "label": "Назначить", "icon": "user-share"},
            {"name": "move", "label": "Стадия", "icon": "arrow-right"},
            {"name": "delete", "label": "Удалить", "icon": "trash", "danger": True},
        ],
        "view_switch": [
            {"label": "Доска", "url": "#", "icon": "layout-kanban"},
            {"label": "Список", "url": "#", "icon": "list", "active": True},
        ],
        "saved_views": [{"label": "Мои просроченные", "url": "#"}, {"label": "Все", "url": "#", "active": True}],
        "filter": Sample(form=FilterSample(data={"q": ""})),
        "filter_count": 2,
    }


class FilterSample(forms.Form):
    """What a filter drawer holds."""

    q = forms.CharField(required=False)
    stage = forms.ChoiceField(label="Стадия", required=False, choices=[("", "Любая"), ("n", "Переговоры")])
    amount_min = forms.DecimalField(label="Сумма от, ₽", required=False)


def _record() -> dict[str, Any]:
    steps = [
        {"stage": stage, "state": "done" if place < 3 else "now" if place == 3 else "next", "reason": ""}
        for place, stage in enumerate(STAGES)
    ]
    return {
        "record": "Склад — СтройГарант, 1 440 м²",
        "stage": STAGES[3],
        "stage_steps": steps,
        "close_stages": [SIGNED],
        "move_url": "/nowhere/",
        "refuse_url": "/nowhere/",
        "facts": _facts(),
        "tasks": _tasks(),
        "entries": _timeline(),
        "timeline_filters": [{"label": "Всё", "url": "#", "active": True}, {"label": "Письма", "url": "#"}],
        "composer": [
            {"code": "note", "label": "Заметка", "icon": "note", "form": SampleNote(), "url": "/nowhere/"},
            {"code": "task", "label": "Задача", "icon": "checkbox", "form": SampleTask(), "url": "/nowhere/"},
        ],
        "files": [
            {
                "name": "Чертёж фундамента.pdf",
                "url": "#",
                "size": 482_133,
                "who": PEOPLE[0],
                "when": clock.now(),
                "delete_url": "/nowhere/",
            }
        ],
        "upload_url": "/nowhere/",
        "upload_limit": 25,
        "duplicates": [
            {
                "title": "Склад, Казань",
                "url": "#",
                "reason": "то же место и назначение, размеры в пределах 1 %",
                "certain": True,
                "link_url": "/nowhere/",
            },
            {"title": "Ангар под технику", "url": "#", "reason": "тот же телефон"},
        ],
        "tabs": [
            {"label": "Лента", "url": "#", "active": True},
            {"label": "Сделки", "url": "#", "count": 3},
            {"label": "Файлы", "url": "#", "count": 1},
        ],
    }


def styleguide_context() -> dict[str, Any]:
    """Everything that templates/components/styleguide.html shows."""
    wrong = SampleForm(data={"name": "", "phone": "звоните вечером", "length": "abc", "purpose": ""})
    wrong.is_valid()
    return {
        "title": _("Parts of the interface"),
        "palette": ("gray", "blue", "azure", "indigo", "purple", "pink", "red", "orange", "yellow", "lime", "green",
                    "teal", "cyan"),
        "sample_form": SampleForm(initial={"name": "Склад, Казань", "length": 60, "width": 24}),
        "wrong_form": wrong,
        "refusal_form": SampleRefusal(),
        "from_stage": STAGES[3],
        "to_stage": STAGES[5],
        "people": PEOPLE,
        "changes": [{"label": "Стадия", "old": "Переговоры", "new": "Подписание договора"}],
        "changed_by": PEOPLE[1],
        "changed_at": clock.now(),
        "stats": [
            {"label": "Просрочено", "value": 7, "url": "#", "tone": "bad", "icon": "clock-exclamation"},
            {"label": "Сегодня", "value": 12, "url": "#", "icon": "calendar-event"},
            {"label": "Новые лиды", "value": 4, "url": "#", "icon": "inbox", "note": "2 без ответа"},
            {"label": "Подписано за месяц", "value": "38,4 млн ₽", "tone": "good", "note": "план 45 млн ₽"},
        ],
        **_record(),
        **_board(),
        **_list(),
        **_merge(),
        **_report(),
    }  # fmt: skip
