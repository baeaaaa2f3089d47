"""Lays the rules for leads whose data become complete, or change, while they wait; each may be switched off."""

from django.db import migrations

# fmt: off
SHARED = {"pipeline_id": "lead", "trigger": "field_changed", "is_shipped": True}
RULES = {
    "lead_data_completed": {
        **SHARED, "stage_id": "lead:needs_data", "fields": ["missing_minimum"], "action": "complete_lead", "order": 12,
        "name_ru": "Не хватает данных: данные собраны – дальше по воронке",
        "name_en": "Data missing: once they are all there, the lead goes on",
    },
    "lead_route_again": {
        **SHARED, "stage_id": "lead:data_complete", "fields": ["region", "area", "purpose", "source"],
        "conditions": {"is": "with_head"}, "action": "route_lead", "params": {"quiet": True}, "order": 16,
        "name_ru": "Данные заполнены: изменились – снова по таблице",
        "name_en": "Data complete: changed, so shared out by the routing table anew",
    },
}
# fmt: on


def forwards(apps, schema_editor):
    rule_model = apps.get_model("automation", "Rule")
    for code, row in RULES.items():
        rule_model.objects.get_or_create(code=code, defaults=row)


class Migration(migrations.Migration):
    dependencies = [("automation", "0005_answers_and_silence")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
