"""Which stages a lead or a deal has ever stood in, kept on the record: reports need not read the stage history.

The mover writes the two columns (crm.models.StagesSeen) in the statement that moves the record. The history stays the
truth (PIPE-5): `refresh` makes them anew out of it, wherever rows of it are taken away, and for everything by the
command rebuild_stages_seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection

from crm import pipelines
from crm.models import RecordType, Stage, StageHistory, StagesSeen, record_model

KINDS = (RecordType.LEAD, RecordType.DEAL)
BATCH = 20_000


def mark(stage: Stage) -> int:
    """The set that holds that one stage; 0 for one beyond what a set can hold."""
    return 0 if stage.bit is None else 1 << stage.bit


def marks(stages: Iterable[Stage]) -> int:
    """The set of these stages."""
    found = 0
    for stage in stages:
        found |= mark(stage)
    return found


def moved_columns(record: Any, current: Stage, target: Stage) -> dict[str, Any]:
    """What a move changes in the two columns; nothing for kinds of record that have none."""
    if not isinstance(record, StagesSeen):
        return {}
    before = record.stages_seen
    if target.pipeline_id != current.pipeline_id:
        # It may have been in this direction before.
        rows = StageHistory.objects.filter(
            record_type=current.pipeline.record_type, record_id=record.pk, to_stage__pipeline=target.pipeline_id
        )
        stages = pipelines.catalogue().stages
        before = marks(stages[key] for key in rows.order_by().values_list("to_stage", flat=True).distinct())
    columns: dict[str, Any] = {"stages_seen": before | mark(target)}
    if target.is_failure:
        columns["lost_from"] = current.key
    return columns


def first_columns(model: Any, stage: Stage) -> dict[str, Any]:
    """What a new record has in the two columns."""
    return {"stages_seen": mark(stage)} if issubclass(model, StagesSeen) else {}


def refresh(record_type: str, *, first: int, last: int) -> int:
    """Make the columns of the records with these numbers anew out of the history; answers how many were wrong."""
    if record_type not in KINDS:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(refresh_sql(record_model(record_type)._meta.db_table, record_type), [first, last] * 3)
        return int(cursor.rowcount)


def refresh_sql(table: str, record_type: str) -> str:
    """The statement behind `refresh`; both databases understand it, and so does a migration."""
    return f"""
        UPDATE {table} SET stages_seen = told.stages, lost_from = told.lost FROM (
            WITH seen AS (
                SELECT r.id, CAST(SUM(DISTINCT CAST(1 AS bigint) << s.bit) AS bigint) AS stages
                FROM crm_stagehistory h JOIN crm_stage s ON s.key = h.to_stage_id
                JOIN {table} r ON r.id = h.record_id AND r.pipeline_id = s.pipeline_id
                WHERE h.record_type = '{record_type}' AND h.record_id BETWEEN %s AND %s AND s.bit IS NOT NULL
                GROUP BY r.id
            ), refused AS (
                SELECT h.record_id AS id, h.from_stage_id AS stage,
                       ROW_NUMBER() OVER (PARTITION BY h.record_id ORDER BY h.at DESC, h.id DESC) AS place
                FROM crm_stagehistory h JOIN crm_stage s ON s.key = h.to_stage_id AND s.kind = 'failure'
                WHERE h.record_type = '{record_type}' AND h.record_id BETWEEN %s AND %s
            )
            SELECT r.id, COALESCE(seen.stages, 0) AS stages, COALESCE(refused.stage, '') AS lost
            FROM {table} r LEFT JOIN seen ON seen.id = r.id
            LEFT JOIN refused ON refused.id = r.id AND refused.place = 1
            WHERE r.id BETWEEN %s AND %s
        ) told
        WHERE told.id = {table}.id AND ({table}.stages_seen <> told.stages OR {table}.lost_from <> told.lost)
    """  # noqa: S608 - only names of our own are put into the text


def refresh_all(record_type: str) -> int:
    """`refresh` for all records of a kind, in batches; answers how many were wrong."""
    rows = record_model(record_type)._base_manager.order_by("pk")
    wrong, last = 0, 0
    while (end := rows.filter(pk__gt=last).values_list("pk", flat=True)[BATCH - 1 : BATCH].first()) or (
        end := rows.filter(pk__gt=last).order_by("-pk").values_list("pk", flat=True).first()
    ):
        wrong += refresh(record_type, first=last + 1, last=end)
        last = end
    return wrong
