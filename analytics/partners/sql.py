"""Aggregates over partners' records joined with the stage history, by partner."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import QuerySet

from analytics.sql import nothing_of_nothing


@nothing_of_nothing(dict)
def furthest_steps_by_partner(
    rows: QuerySet[Any], record_type: str, ranks: dict[str, int]
) -> dict[int, dict[int, int]]:
    """How far each partner's records got: {partner: {rank: count}} over the highest-ranked stage each ever stood in."""
    base, base_params = rows.values_list("pk", "partner").query.sql_with_params()
    case = " ".join("WHEN %s THEN %s" for _key in ranks)
    rank_params = [item for key, rank in ranks.items() for item in (key, rank)]
    places = ", ".join(["%s"] * len(ranks))
    sql = f"""
        WITH b ("id", "partner") AS ({base})
        SELECT f.partner, f.rank, COUNT(*) FROM (
            SELECT b."partner" AS partner, MAX(CASE h.to_stage_id {case} END) AS rank
            FROM b JOIN crm_stagehistory h ON h.record_id = b."id"
            WHERE h.record_type = %s AND h.to_stage_id IN ({places})
            GROUP BY b."id", b."partner"
        ) f GROUP BY f.partner, f.rank
    """  # noqa: S608 - only names of our own are put into the text
    found: dict[int, dict[int, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, [*base_params, *rank_params, record_type, *ranks])
        for partner, rank, count in cursor.fetchall():
            found.setdefault(partner, {})[rank] = count
    return found


@nothing_of_nothing(dict)
def first_contacts(
    rows: QuerySet[Any], record_type: str, start: str, contacted: list[str], *, together: bool = False
) -> dict[int, int]:
    """Median seconds from receiving a record to the first move to a contacted stage: {partner: seconds}.

    Records that nobody was called about have no part in it. `together` gives the median over all partners, as of 0.
    """
    base, base_params = rows.values_list("pk", "partner").query.sql_with_params()
    places = ", ".join(["%s"] * len(contacted))
    whose = "0" if together else 'b."partner"'
    sql = f"""
        WITH b ("id", "partner") AS ({base}),
        firsts AS (
            SELECT {whose} AS partner, h.seconds,
                   ROW_NUMBER() OVER (PARTITION BY h.record_id ORDER BY h.at, h.id) AS place
            FROM b JOIN crm_stagehistory h ON h.record_id = b."id"
            WHERE h.record_type = %s AND h.from_stage_id = %s AND h.to_stage_id IN ({places})
        ),
        ranked AS (
            SELECT partner, seconds, CUME_DIST() OVER (PARTITION BY partner ORDER BY seconds) AS share
            FROM firsts WHERE place = 1
        )
        SELECT partner, MIN(CASE WHEN share >= 0.5 THEN seconds END) FROM ranked GROUP BY partner
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [*base_params, record_type, start, *contacted])
        return dict(cursor.fetchall())
