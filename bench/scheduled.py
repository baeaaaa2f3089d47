"""Measures the scheduled runs of robots: a million waiting rows, ten thousand of them due at once, two workers.

    .venv/bin/python scripts/postgres.py .venv/bin/python -m bench.scheduled --write

What is due is claimed and carried out as the product's workers do (a task on each deal), beside two bare workers that
do nothing but UPDATE ... SKIP LOCKED the same rows one by one; and a tick is timed that finds nothing due.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from bench.__main__ import start_django
from bench.report import write

BATCH, WORKERS = 5_000, 2
AIM_IDLE = 5.0  # ms for a tick with nothing due
RULE = "bench_task"


def main() -> int:
    """Fill, measure, tell; the exit code says whether the aim is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.scheduled", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of a million rows and ten thousand due")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    parser.add_argument("--worker", choices=("product", "claim", "bare"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start_django(folder)
        return work(options.worker) if options.worker else measure(options)


def measure(options: argparse.Namespace) -> int:
    """The parent."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    waiting, due = int(1_000_000 * options.scale), int(10_000 * options.scale)
    fill(waiting, due)
    idle = idle_tick()
    took = {}
    for kind in ("bare", "claim", "product"):
        make_due(due)
        took[kind] = race(kind)
    from crm.models import Activity

    made = Activity.objects.filter(title="bench").count()
    text = (
        f"{waiting:,} scheduled rows on PostgreSQL, {due:,} of them due at once, {WORKERS} workers: carried out in "
        f"{took['product']:.1f} s ({due / took['product']:.0f} a second, {made:,} tasks made); claimed "
        f"alone in {took['claim']:.1f} s ({due / took['claim']:.0f} a second), beside {took['bare']:.1f} s "
        f"({due / took['bare']:.0f} a second) for bare UPDATE … SKIP LOCKED of the same rows. A tick with nothing due "
        f"takes {idle:.1f} ms. Load of the machine while measuring: {os.getloadavg()[0]:.1f}."
    )
    print(text)
    if options.write:
        write("scheduled", text)
    return 0 if idle < AIM_IDLE and made == due else 1


def idle_tick() -> float:
    """Median milliseconds of a tick that finds nothing."""
    from automation import engine
    from crm import scope

    took = []
    for _number in range(50):
        began = time.perf_counter()
        with scope.opened():
            assert engine.run_due() == 0
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


# -- rows -------------------------------------------------------------------------------------------------------------


def fill(waiting: int, due: int) -> None:
    """As many deals as are due, and the rows of a rule that gives each a task; nothing is due yet."""
    from django.db import connection

    from accounts.models import Role, User
    from automation.models import Rule
    from crm.models import StageHistory
    from deals.models import Deal

    head = User.objects.create_user("head@example.com", "demo", role=Role.SALES_HEAD, last_name="Орлова")
    rule = Rule.objects.create(
        code=RULE, name_ru="Задача", name_en="Task", pipeline_id="deal", stage_id="deal:costing",
        trigger=Rule.Trigger.STAGE_ENTERED, delay_days=1, action="create_task", params={"title_ru": "bench"},
    )  # fmt: skip
    for start in range(0, due, BATCH):
        rows = [
            Deal(pipeline_id="deal", stage="deal:costing", title=f"Сделка {number}", responsible=head)
            for number in range(start, min(start + BATCH, due))
        ]
        deals = Deal.objects.bulk_create(rows, batch_size=1000)
        entries = [
            StageHistory(
                record_type="deal", record_id=deal.pk, pipeline_id="deal", to_stage_id="deal:costing",
                actor_kind="user", actor_user=head, at=deal.stage_entered_at,
            )
            for deal in deals
        ]  # fmt: skip
        StageHistory.objects.bulk_create(entries, batch_size=1000)
    with connection.cursor() as cursor:
        # The rows that come due are scattered among the others, as days are.
        cursor.execute(
            """
            INSERT INTO automation_scheduledrun (record_type, record_id, rule_id, key, stage_key, entry_id,
                planned_from, due_at, is_moved, state, attempts, note, depth, created_at)
            SELECT 'deal', h.record_id, %s, 'bench:due:' || h.record_id, 'deal:costing', h.id, now() - interval '1 day',
                now() + interval '400 days', false, 'scheduled', 0, '', 0, now()
            FROM crm_stagehistory h
            """,
            [rule.pk],
        )
        cursor.execute(
            """
            INSERT INTO automation_scheduledrun (record_type, record_id, rule_id, key, stage_key, entry_id,
                planned_from, due_at, is_moved, state, attempts, note, depth, created_at)
            SELECT 'deal', n, %s, 'bench:later:' || n, 'deal:costing', NULL, now(),
                now() + interval '1 day' + n * interval '10 seconds', false, 'scheduled', 0, '', 0, now()
            FROM generate_series(1, %s) n
            """,
            [rule.pk, waiting - due],
        )
        cursor.execute("ANALYZE")


def make_due(_count: int) -> None:
    """Set the rows of the deals due now, as if nothing had been done with them."""
    from datetime import timedelta

    from automation.models import ScheduledRun
    from crm import clock

    ScheduledRun.objects.filter(key__startswith="bench:due:").update(
        state="scheduled", due_at=clock.now() - timedelta(minutes=1), is_moved=True, attempts=0, claimed_at=None
    )


# -- workers ----------------------------------------------------------------------------------------------------------


def race(kind: str) -> float:
    """Seconds from the start of both workers, all set, to the end of the slower one."""
    command = [sys.executable, "-m", "bench.scheduled", "--worker", kind]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, **pipes) for _number in range(WORKERS)]
    for worker in workers:
        assert worker.stdout is not None
        while "ready" not in worker.stdout.readline():
            pass
    began = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        if worker.wait():
            raise SystemExit(f"A worker of {kind} failed.")
    return time.perf_counter() - began


def work(kind: str) -> int:
    """A child: gets ready, waits for the word, works until nothing is due."""
    from django.db import connection

    from automation.models import ScheduledRun

    ScheduledRun.objects.filter(pk=0).exists()  # the connection is there
    step = {"product": _product, "claim": _claim, "bare": _bare}[kind]
    print("ready", flush=True)
    sys.stdin.readline()
    while step(connection):
        pass
    return 0


def _product(_connection: Any) -> int:
    from automation import engine
    from crm import scope

    with scope.opened():
        return engine.run_due()


def _claim(_connection: Any) -> bool:
    from django.db.models import F

    from automation.models import ScheduledRun
    from crm import clock
    from crm.claims import claim_one

    free = ScheduledRun.objects.filter(state="scheduled", due_at__lte=clock.now()).order_by("due_at", "id")
    return claim_one(free, state="running", claimed_at=clock.now(), attempts=F("attempts") + 1) is not None


def _bare(connection: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE automation_scheduledrun SET state = 'running', claimed_at = now(), attempts = attempts + 1
            WHERE id = (SELECT id FROM automation_scheduledrun WHERE state = 'scheduled' AND due_at <= now()
                        ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
            """
        )
        return bool(cursor.rowcount)


if __name__ == "__main__":
    sys.exit(main())
