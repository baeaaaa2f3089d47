"""Measures the search for look-alikes among 100,000 construction objects (OBJ-6).

    .venv/bin/python scripts/postgres.py .venv/bin/python -m bench.objects --write

The search runs in the child process of bench.duplicates, so that its peak of memory is its own.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from decimal import Decimal
from typing import Any

from bench.__main__ import start_django
from bench.report import write

BATCH = 5_000
AIM_SECONDS, AIM_MEGABYTES = 60, 300


def main() -> int:
    """Fill, search, tell; the exit code says whether the aims are met."""
    parser = argparse.ArgumentParser(prog="python -m bench.objects", description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start_django(folder)
        return measure(options)


def measure(options: argparse.Namespace) -> int:
    """Fill the registry, run one search, print what it took."""
    from django.core.management import call_command
    from django.db import connection

    from accounts.models import Role, User
    from crm.duplicate_scan import scan_start

    call_command("migrate", verbosity=0, interactive=False)
    head = User.objects.create_user("head@example.com", "demo", role=Role.SALES_HEAD, last_name="Орлова")
    twins = fill(options.objects, head)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    began = scan_start(record_type="object", by=head)
    command = [sys.executable, "-m", "bench.duplicates", "--scan", str(began.pk)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-3:]
    seconds, megabytes, groups = float(told[0]), float(told[1]), int(told[2])
    text = (
        f"{options.objects:,} objects on PostgreSQL, {twins:,} of them made as look-alikes of others: the search over "
        f"all of them found {groups:,} groups in {seconds:.1f} s, with a peak of {megabytes:.0f} MB in the process; "
        f"load of the machine while measuring: {os.getloadavg()[0]:.1f}."
    )
    print(text)
    if options.write:
        write("objects", text)
    return 0 if seconds < AIM_SECONDS and megabytes < AIM_MEGABYTES else 1


def fill(count: int, owner: Any) -> int:
    """Objects of usual sizes in streets of some towns; one in twenty is another one again, its length 0.5 % off."""
    from bench.data import CITIES, FAMILIES
    from objects_registry.models import ConstructionObject, Purpose

    chance = random.Random(11)
    streets = [f"{name}ская" for name in FAMILIES]
    choices = {"purpose_id": list(Purpose.objects.values_list("pk", flat=True)), "city": CITIES, "street": streets}
    twins, former = 0, building(chance, choices)
    for start in range(0, count, BATCH):
        rows = []
        for _number in range(start, min(start + BATCH, count)):
            is_twin = chance.random() < 0.05
            values = {**former, "length": former["length"] * Decimal("1.005")} if is_twin else None
            former = values or building(chance, choices)
            twins += is_twin
            rows.append(made(former, owner))
        ConstructionObject.objects.bulk_create(rows, batch_size=1000)
    return twins


def building(chance: random.Random, choices: dict[str, list[Any]]) -> dict[str, Any]:
    """What is built where."""
    picked = {name: chance.choice(values) for name, values in choices.items()}
    return {
        "width": Decimal(chance.choice([12, 15, 18, 21, 24, 30, 36])),
        "length": Decimal(chance.randrange(24, 121, 6)),
        "height": Decimal(chance.randrange(4, 13)),
        "address": f"ул. {picked.pop('street')}, {chance.randrange(1, 300)}",
        **picked,
    }


def made(values: dict[str, Any], owner: Any) -> Any:
    """The row of an object with the columns that follow from the others."""
    from objects_registry.keys import derive_keys
    from objects_registry.models import ConstructionObject

    row = ConstructionObject(pipeline_id="object", stage="object:planned", responsible=owner, **values)
    row.name = f"{values['city']} {values['length']}×{values['width']}"
    row.area = (row.width * row.length).quantize(Decimal("0.01"))
    row.length = row.length.quantize(Decimal("0.01"))
    row.search_text = row.name.lower()
    derive_keys(row, {"__new__"})
    return row


if __name__ == "__main__":
    sys.exit(main())
