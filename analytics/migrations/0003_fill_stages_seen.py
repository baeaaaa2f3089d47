"""Fills what the reports read of the stage history; rerunning it changes nothing.

It stands here because it needs the stages of all apps.
"""

from django.db import migrations

# A frozen copy of crm.stages_seen.refresh_sql.
SEEN = """
    UPDATE {table} SET stages_seen = told.stages, lost_from = told.lost FROM (
        WITH seen AS (
            SELECT r.id, CAST(SUM(DISTINCT CAST(1 AS bigint) << s.bit) AS bigint) AS stages
            FROM crm_stagehistory h JOIN crm_stage s ON s.key = h.to_stage_id
            JOIN {table} r ON r.id = h.record_id AND r.pipeline_id = s.pipeline_id
            WHERE h.record_type = '{kind}' AND s.bit IS NOT NULL
            GROUP BY r.id
        ), refused AS (
            SELECT h.record_id AS id, h.from_stage_id AS stage,
                   ROW_NUMBER() OVER (PARTITION BY h.record_id ORDER BY h.at DESC, h.id DESC) AS place
            FROM crm_stagehistory h JOIN crm_stage s ON s.key = h.to_stage_id AND s.kind = 'failure'
            WHERE h.record_type = '{kind}'
        )
        SELECT r.id, COALESCE(seen.stages, 0) AS stages, COALESCE(refused.stage, '') AS lost
        FROM {table} r LEFT JOIN seen ON seen.id = r.id
        LEFT JOIN refused ON refused.id = r.id AND refused.place = 1
    ) told
    WHERE told.id = {table}.id AND ({table}.stages_seen <> told.stages OR {table}.lost_from <> told.lost)
"""
REQUESTED = """
    UPDATE deals_deal SET requested_at = (
        SELECT MIN(l.created_at) FROM leads_lead l
        WHERE l.deal_id = deals_deal.id AND l.created_at <= deals_deal.created_at AND l.copy_set_id IS NULL
    )
    WHERE copy_set_id IS NULL
"""


def number(apps, schema_editor):
    stages, taken = apps.get_model("crm", "Stage"), {}
    for stage in stages.objects.order_by("pipeline", "order", "key"):
        taken[stage.pipeline_id] = taken.get(stage.pipeline_id, -1) + 1
        stages.objects.filter(pk=stage.pk).update(
            bit=taken[stage.pipeline_id] if taken[stage.pipeline_id] < 63 else None
        )


def name_other(apps, schema_editor):
    reasons = apps.get_model("crm", "RefusalReason")
    reasons.objects.filter(name_ru="Другое", stage__pipeline__record_type__in=("lead", "deal")).update(is_other=True)


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for table, kind in (("leads_lead", "lead"), ("deals_deal", "deal")):
            cursor.execute(SEEN.format(table=table, kind=kind))
        cursor.execute(REQUESTED)


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0002_tiles_and_digest"),
        ("crm", "0023_stages_seen"),
        ("leads", "0008_stages_seen"),
        ("deals", "0010_stages_seen"),
        ("objects_registry", "0002_shipped_stages"),
        ("partners", "0008_percent_is_in_the_terms"),
    ]
    operations = [
        migrations.RunPython(number, migrations.RunPython.noop),
        migrations.RunPython(name_other, migrations.RunPython.noop),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
