"""Lays the rules for missed calls and for invoices that were not paid in time; each may be switched off."""

from django.db import migrations
from django.utils import timezone

# fmt: off
CALL = {
    "trigger": "client_contact", "ways": ["missed_call"], "action": "call_back", "order": 200,
    "name_ru": "Пропущенный звонок: перезвонить", "name_en": "Missed call: call back",
    "params": {"title_ru": "Перезвонить: звонок пропущен", "title_en": "Call back: a call was missed", "due_hours": 1},
}
RULES = {
    **{f"missed_call_{kind}": {**CALL, "pipeline_id": kind} for kind in ("lead", "deal", "contact", "company")},
    "invoice_overdue": {
        "pipeline_id": "deal", "trigger": "invoice_overdue", "delay_days": 1, "action": "create_task", "order": 210,
        "name_ru": "Счёт просрочен: напомнить клиенту", "name_en": "Invoice overdue: remind the client",
        "params": {"kind": "call", "per_day": 50,
                   "title_ru": "Напомнить клиенту об оплате: счёт просрочен",
                   "title_en": "Remind the client of the payment: the invoice is overdue"},
    },
}
# fmt: on


def forwards(apps, schema_editor):
    rule_model = apps.get_model("automation", "Rule")
    for code, row in RULES.items():
        # Invoices are counted from when the rule was switched on: what is old already is not taken up at once.
        defaults = {**row, "is_shipped": True, "switched_on_at": timezone.now()}
        rule_model.objects.get_or_create(code=code, defaults=defaults)


class Migration(migrations.Migration):
    dependencies = [("automation", "0012_contact_ways_and_invoices")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
