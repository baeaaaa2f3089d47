"""Filling tables of millions of rows: their indexes are made when the rows are there, and keys are not looked up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

TABLES = ("leads_lead", "deals_deal", "crm_contact", "crm_stagehistory", "crm_timelineentry", "crm_contactpoint")


@contextmanager
def indexes_last() -> Iterator[None]:
    """Within the block the large tables have but their keys; a search index of a million rows is made in one go."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY (%s) "
            "AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname) AND indexdef NOT LIKE '%% UNIQUE %%'",
            [list(TABLES)],
        )
        found = cursor.fetchall()
        for name, _definition in found:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET work_mem = '256MB'; SET maintenance_work_mem = '1GB'")
    yield
    with connection.cursor() as cursor:
        for _name, definition in found:
            cursor.execute(definition)
        cursor.execute("RESET session_replication_role; RESET work_mem; RESET maintenance_work_mem")
        cursor.execute("VACUUM ANALYZE")
