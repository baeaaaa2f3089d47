"""Measures recognition and the search for duplicates among 100,000 contacts with 250,000 phones and e-mails.

    .venv/bin/python scripts/postgres.py .venv/bin/python -m bench.duplicates --write

The search runs in a process of its own, so that its peak of memory is not that of filling the database.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from bench.__main__ import start_django
from bench.report import write

BATCH = 5_000
AIM_SECONDS, AIM_MEGABYTES, AIM_RECOGNITION = 60, 300, 5.0


def main() -> int:
    """Fill, search, tell; the exit code says whether the aims are met."""
    parser = argparse.ArgumentParser(prog="python -m bench.duplicates", description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    parser.add_argument("--scan", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start_django(folder)
        return scan(options.scan) if options.scan else measure(options)


def scan(scan_id: int) -> int:
    """The child: one search; prints seconds, megabytes and groups."""
    from crm import scope
    from crm.duplicate_scan import scan_run
    from crm.models import DuplicateGroup

    began = time.monotonic()
    with scope.opened():
        done = scan_run(scan_id)
    seconds = time.monotonic() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds:.1f} {memory:.0f} {DuplicateGroup.objects.count()}")
    return 0 if done else 1


def measure(options: argparse.Namespace) -> int:
    """The parent."""
    from django.core.management import call_command
    from django.db import connection

    from accounts.models import Role, User
    from crm import scope
    from crm.contact_points import read_points
    from crm.duplicate_scan import scan_start
    from crm.duplicates import client_matches
    from crm.models import ContactPoint
    from crm.recognition import recognise

    call_command("migrate", verbosity=0, interactive=False)
    head = User.objects.create_user("head@example.com", "demo", role=Role.SALES_HEAD, last_name="Орлова")
    fill(options.contacts, head)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    began = scan_start(record_type="contact", by=head)
    command = [sys.executable, "-m", "bench.duplicates", "--scan", str(began.pk)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-3:]
    seconds, megabytes, groups = float(told[0]), float(told[1]), int(told[2])
    numbers = list(ContactPoint.objects.filter(kind="phone").values_list("value", flat=True)[:20_000:40])
    with scope.opened():
        by_phone = timed(numbers, lambda number: recognise(read_points(phones=number)))
        typing = timed(numbers, lambda number: client_matches(phones=number, name="Белов Виктор", user=head))
    points = ContactPoint.objects.count()
    text = (
        f"{options.contacts:,} contacts with {points:,} phones and e-mails on PostgreSQL: the search over all of them "
        f"found {groups:,} groups in {seconds:.1f} s, with a peak of {megabytes:.0f} MB in the process. Who is calling "
        f"is recognised in {by_phone[0]:.1f} ms (p95 {by_phone[1]:.1f} ms), the warning while typing a phone and name "
        f"takes {typing[0]:.1f} ms (p95 {typing[1]:.1f} ms)."
    )
    print(text)
    if options.write:
        write("duplicates", text)
    is_met = seconds < AIM_SECONDS and megabytes < AIM_MEGABYTES and by_phone[1] < AIM_RECOGNITION
    return 0 if is_met else 1


def fill(count: int, owner: Any) -> None:
    """Contacts with two or three phones and e-mails each; one in twenty shares a phone, one in fifty an e-mail."""
    from crm.models import Contact, ContactPoint
    from crm.normalize.sameness import person_key
    from crm.normalize.text import word_set

    chance = random.Random(7)
    families = word_set("Абрамов Белов Быков Воронин Герасимов Голубев Данилов Егоров Жуков Зайцев Исаев Карпов")
    tails = ("", "ский", "енко", "ец", "ых", "юк", "ян", "ин")
    endings = [f"{family}{tail}" for family in sorted(families) for tail in tails]
    given = sorted(word_set("Александр Андрей Борис Виктор Глеб Денис Евгений Иван Кирилл Леонид Максим Николай"))
    fathers = ["Ильич", "Петрович", "Олегович", "Иванович", "Борисович", "Павлович", "Глебович"]
    for start in range(0, count, BATCH):
        rows = []
        for number in range(start, min(start + BATCH, count)):
            name = (f"{chance.choice(endings)}{number % 97}а", chance.choice(given), chance.choice(fathers))
            last = name[0].replace(str(number % 97), "-" * (number % 3))
            row = Contact(pipeline_id="contact", stage="contact:prospect", responsible=owner)
            row.last_name, row.first_name, row.patronymic = last, name[1], name[2]
            row.name_key = person_key(f"{last} {name[1]} {name[2]}")
            row.search_text = f"{last} {name[1]} {name[2]}".lower()
            rows.append(row)
        made = Contact.objects.bulk_create(rows, batch_size=1000)
        points = [point for row in made for point in points_of(row.pk, chance, count)]
        ContactPoint.objects.bulk_create(points, batch_size=2000, ignore_conflicts=True)


def points_of(pk: int, chance: random.Random, count: int) -> list[Any]:
    """The phones and e-mails of one contact."""
    from crm.models import ContactPoint

    same = chance.randrange(count) if chance.random() < 0.05 else pk
    values = [("phone", f"+79{100_000_000 + same % 800_000_000:09d}"), ("email", f"client{pk}@example.org")]
    if chance.random() < 0.5:
        values.append(("phone", f"+74{950_000_000 + pk % 49_000_000:09d}"))
    if chance.random() < 0.02:
        values[1] = ("email", f"client{chance.randrange(count)}@example.org")
    return [
        ContactPoint(
            record_type="contact", record_id=pk, kind=kind, value=value, reversed_value=value[::-1], original=value
        )
        for kind, value in values
    ]


def timed(values: list[str], call: Callable[[str], Any]) -> tuple[float, float]:
    """Median and p95 in milliseconds."""
    took = []
    for value in values:
        began = time.perf_counter()
        call(value)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), statistics.quantiles(took, n=20)[-1]


if __name__ == "__main__":
    sys.exit(main())
