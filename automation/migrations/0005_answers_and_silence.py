"""Lays the letters of refusal and the rules for leads that stand still; each may be switched off like every other."""

from django.db import migrations
from django.utils import timezone

# fmt: off
QUIET = {"pipeline": "lead", "trigger": "inactive", "params": {"per_day": 50}}
RULES = [
    {"code": "lead_declined_letter", "pipeline": "lead", "stage": "lead:declined_by_us", "trigger": "stage_entered",
     "action": "send_letter", "order": 60,
     "params": {"template": "lead_declined",
                "title_ru": "Сообщить клиенту об отказе: письмо отправить не удалось",
                "title_en": "Tell the client of the refusal: no letter could be sent"},
     "name_ru": "Отказ с нашей стороны: письмо клиенту", "name_en": "Declined by us: letter to the client"},
    {"code": "lead_not_our_product_letter", "pipeline": "lead", "stage": "lead:not_our_product",
     "trigger": "stage_entered", "action": "send_letter", "order": 61,
     "params": {"template": "lead_not_our_product",
                "title_ru": "Сообщить клиенту, что это не наша продукция: письмо отправить не удалось",
                "title_en": "Tell the client that it is not our product: no letter could be sent"},
     "name_ru": "Не продукция компании: письмо клиенту", "name_en": "Not our product: letter to the client"},
    {"code": "lead_silent_responsible", **QUIET, "action": "remind_responsible", "delay_days": 5, "order": 70,
     "params": {"per_day": 50, "title_ru": "Лид без движения: связаться с клиентом или закрыть",
                "title_en": "The lead stands still: contact the client or close it"},
     "name_ru": "Лид без движения: напомнить ответственному", "name_en": "Lead stands still: remind the responsible"},
    {"code": "lead_silent_head", **QUIET, "action": "tell_head", "delay_days": 10, "order": 71,
     "name_ru": "Лид без движения: показать РОПу", "name_en": "Lead stands still: show it to the sales head"},
    {"code": "lead_silent_close", **QUIET, "action": "close_record", "delay_days": 14, "order": 72,
     "params": {"per_day": 50, "to": "stalled", "reason_ru": "Нет движения",
                "comment_ru": "По лиду ничего не происходило 14 дней."},
     "name_ru": "Лид без движения: в зависшие", "name_en": "Lead stands still: close it as stalled"},
]
# fmt: on


def forwards(apps, schema_editor):
    rule_model = apps.get_model("automation", "Rule")
    for row in RULES:
        values = {name: value for name, value in row.items() if name not in {"code", "pipeline", "stage"}}
        rule_model.objects.get_or_create(
            code=row["code"],
            defaults={
                **values,
                "pipeline_id": row["pipeline"],
                "stage_id": row.get("stage"),
                "is_shipped": True,
                "switched_on_at": timezone.now(),
            },
        )


class Migration(migrations.Migration):
    dependencies = [
        ("automation", "0004_silence"),
        ("communications", "0005_refusal_letters"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
