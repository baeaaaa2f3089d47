"""What became of deals in delayed demand (ANA-7): who waits, for what, and what brought the others back.

Told by the stage history and by what the robots planned and did, of a deal's last entry within the days. A move that
was taken back within its minute is no move: neither in nor out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import pipelines
from crm.models import RecordType
from crm.undo import TICKET_SECONDS
from deals.delayed_demand import CALL_AND_RESUME, REMINDER_1, REMINDER_2
from deals.spans import Span
from deals.stages import DELAYED

ENTERED, BACK, WAITING, LOST = "entered", "back", "waiting", "lost"
CALL, CLIENT, HAND, OTHER = "call", "client", "hand", "other"
# What brings a deal back, in the order of the page.
WAYS = {
    REMINDER_1: gettext_lazy("the first reminder"),
    REMINDER_2: gettext_lazy("the second reminder"),
    CALL: gettext_lazy("the call at the end"),
    CLIENT: gettext_lazy("the client, before any reminder"),
    HAND: gettext_lazy("moved by hand"),
    OTHER: gettext_lazy("another rule or an import"),
}
# What a waiting deal waits for.
STEPS = {
    f"wait_{REMINDER_1}": gettext_lazy("the first reminder"),
    f"wait_{REMINDER_2}": gettext_lazy("the second reminder"),
    f"wait_{CALL}": gettext_lazy("the call at the end"),
    "wait_none": gettext_lazy("nothing is planned"),
}
WORDS = {
    ENTERED: gettext_lazy("all that entered"),
    BACK: gettext_lazy("came back"),
    WAITING: gettext_lazy("still waiting"),
    LOST: gettext_lazy("closed while waiting"),
    **WAYS,
    **STEPS,
}
_PLANS = {REMINDER_1: REMINDER_1, REMINDER_2: REMINDER_2, CALL: CALL_AND_RESUME}
PLAN_NAMES = {code: f"delayed_demand.{step}" for code, step in _PLANS.items()}


class Waited(Span):
    """Deals that entered delayed demand within these days, and what became of them."""

    WORDS: ClassVar[Mapping[str, Any]] = WORDS

    def __str__(self) -> str:
        """In the reader's words, as it stands among the filters of a list."""
        told = _("delayed demand %(start)s – %(end)s") % self.days
        return f"{told}: {WORDS[self.word]}"

    @property
    def ways(self) -> list[str]:
        """The values of `way` that are meant; none means every."""
        return {ENTERED: [], BACK: list(WAYS), WAITING: list(STEPS)}.get(self.word, [self.word])


def _run(columns: str, condition: str) -> str:
    """Runs of a rule for the deal of `latest`."""
    return (
        f"SELECT {columns} FROM automation_scheduledrun s JOIN automation_rule u ON u.id = s.rule_id "  # noqa: S608
        f"WHERE s.record_type = 'deal' AND s.record_id = latest.record_id AND {condition}"
    )


def _moved(condition: str) -> str:
    """Did a rule make the move by which the deal left?"""
    return (
        "EXISTS (SELECT 1 FROM automation_rulerun r JOIN automation_rule u ON u.id = r.rule_id "  # noqa: S608
        "WHERE r.record_type = 'deal' AND r.record_id = latest.record_id AND r.outcome = 'moved' "
        f"AND r.at >= latest.left_at AND (latest.after_at IS NULL OR r.at <= latest.after_at) AND {condition})"
    )


def _done(step: str) -> str:
    """Was a reminder carried out during the stay?"""
    within = "s.state = 'done' AND s.finished_at >= latest.at AND s.finished_at <= latest.left_at"
    return f"EXISTS ({_run('1', f'u.delay_plan = {_text(PLAN_NAMES[step])} AND {within}')})"


def _text(value: str) -> str:
    """A word of the code's own as a literal."""
    return "'" + value.replace("'", "''") + "'"


def _planned(columns: str) -> str:
    plans = ", ".join(map(_text, PLAN_NAMES.values()))
    return _run(columns, f"s.state IN ('scheduled', 'running') AND u.is_active AND u.delay_plan IN ({plans})")


def _way() -> str:
    steps = " ".join(f"WHEN {_text(plan)} THEN {_text(f'wait_{code}')}" for code, plan in PLAN_NAMES.items())
    next_step = f"{_planned('u.delay_plan')} ORDER BY s.due_at, s.id LIMIT 1"
    reminded = f"WHEN {_done(REMINDER_2)} THEN '{REMINDER_2}' WHEN {_done(REMINDER_1)} THEN '{REMINDER_1}'"
    call = "u.delay_plan = " + _text(PLAN_NAMES[CALL])
    contact = """u."trigger" = 'client_contact'"""
    return f"""CASE
        WHEN latest.left_to IS NULL THEN CASE ({next_step}) {steps} ELSE 'wait_none' END
        WHEN latest.left_kind NOT IN ('open', 'success') THEN '{LOST}'
        WHEN latest.left_by IN ('user', 'token') THEN '{HAND}'
        WHEN {_moved(call)} THEN '{CALL}'
        WHEN {_moved(contact)} THEN CASE {reminded} ELSE '{CLIENT}' END
        ELSE '{OTHER}' END"""


def waits_sql(span: Span) -> tuple[str, list[Any]]:
    """CTEs that end in `waited`, with their parameters: a row per deal that entered within the days.

    Columns: deal, at (its entry), left_at (empty while it waits), way (a key of WAYS or STEPS, or LOST), due (when the
    next planned step is due, while it waits).
    """
    waiting = [stage for stage in pipelines.all_stages() if stage.code == DELAYED and not stage.pipeline.is_partner]
    keys = ", ".join(_text(stage.key) for stage in waiting if stage.pipeline.record_type == RecordType.DEAL) or "''"
    in_order = "(PARTITION BY record_id ORDER BY at, id)"
    brief = 2 * TICKET_SECONDS
    sql = f"""
        entered AS (
            SELECT DISTINCT record_id FROM crm_stagehistory
            WHERE record_type = 'deal' AND to_stage_id IN ({keys}) AND at >= %s AND at < %s
        ),
        moved AS (
            SELECT h.id, h.record_id, h.at, h.from_stage_id, h.to_stage_id, h.seconds, h.actor_kind,
                   h.actor_user_id AS who, h.is_back,
                   LEAD(h.to_stage_id) OVER w AS next_to, LEAD(h.seconds) OVER w AS next_seconds,
                   LEAD(h.actor_user_id) OVER w AS next_who, LEAD(h.is_back) OVER w AS next_back,
                   LAG(h.from_stage_id) OVER w AS past_from, LAG(h.actor_user_id) OVER w AS past_who
            FROM entered JOIN crm_stagehistory h ON h.record_id = entered.record_id AND h.record_type = 'deal'
            WINDOW w AS (PARTITION BY h.record_id ORDER BY h.at, h.id)
        ),
        kept AS (
            SELECT moved.*, t.kind FROM moved JOIN crm_stage t ON t.key = moved.to_stage_id
            WHERE NOT COALESCE(
                    next_back AND next_to = from_stage_id AND next_seconds <= {brief} AND next_who = who, false)
              AND NOT COALESCE(is_back AND to_stage_id = past_from AND seconds <= {brief} AND past_who = who, false)
        ),
        stays AS (
            SELECT kept.*, LEAD(to_stage_id) OVER {in_order} AS left_to, LEAD(kind) OVER {in_order} AS left_kind,
                   LEAD(at) OVER {in_order} AS left_at, LEAD(actor_kind) OVER {in_order} AS left_by,
                   LEAD(at, 2) OVER {in_order} AS after_at
            FROM kept
        ),
        latest AS (
            SELECT stays.*, ROW_NUMBER() OVER (PARTITION BY record_id ORDER BY at DESC, id DESC) AS place
            FROM stays WHERE to_stage_id IN ({keys}) AND at >= %s AND at < %s
        ),
        waited AS (
            SELECT record_id AS deal, at, left_at, {_way()} AS way,
                   CASE WHEN left_to IS NULL THEN ({_planned("MIN(s.due_at)")}) END AS due
            FROM latest WHERE place = 1
        )
    """  # noqa: S608 - only names of our own are put into the text
    return sql, [*span.moments, *span.moments]


def deals_waited(deals: QuerySet[Any], wanted: Waited) -> QuerySet[Any]:
    """Of these deals those that entered delayed demand within the days and of which that became."""
    waits, params = waits_sql(wanted)
    ways = wanted.ways
    condition = f"WHERE way IN ({', '.join(['%s'] * len(ways))})" if ways else ""
    sql = f"WITH {waits} SELECT deal FROM waited {condition}"  # noqa: S608
    return deals.filter(pk__in=RawSQL(sql, [*params, *ways]))  # noqa: S611
