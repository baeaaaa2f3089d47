"""Adds «Другое» to the reasons of every failure stage of leads and deals that lacks it: nobody picks a false one."""

from django.db import migrations
from django.db.models import Max

NAMES = ("Другое", "Другая", "Другая причина", "Прочее", "Иное")


def forwards(apps, schema_editor):
    stage_model, reason_model = (apps.get_model("crm", name) for name in ("Stage", "RefusalReason"))
    stages = stage_model.objects.filter(kind="failure", pipeline__record_type__in=["lead", "deal"])
    for stage in stages.order_by("pk"):
        reasons = reason_model.objects.filter(stage=stage)
        last = reasons.aggregate(last=Max("order"))["last"]
        # A stage without reasons asks for none; one whose company has such a reason, in use or not, keeps its own.
        if last is not None and not reasons.filter(name_ru__in=NAMES).exists():
            reason_model.objects.create(stage=stage, name_ru="Другое", name_en="Other", order=last + 1)


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0004_stage_is_detour"),
        ("leads", "0002_shipped_stages"),
        ("deals", "0002_shipped_stages"),
        ("partners", "0004_control_hands_on"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
