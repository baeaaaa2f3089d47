"""Lays the rule that shares leads out by the routing table; it may be switched off like every other."""

from django.db import migrations

# fmt: off
RULE = {
    "trigger": "stage_entered", "conditions": {"is": "with_head"}, "action": "route_lead", "order": 15,
    "name_ru": "Данные заполнены: распределение по таблице", "name_en": "Data complete: shared out by the routing table",
    "pipeline_id": "lead", "stage_id": "lead:data_complete", "is_shipped": True,
}
# fmt: on


def forwards(apps, schema_editor):
    apps.get_model("automation", "Rule").objects.get_or_create(code="lead_route", defaults=RULE)


class Migration(migrations.Migration):
    dependencies = [("automation", "0002_shipped_rules")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
