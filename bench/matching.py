"""Precision and recall of the matching of construction objects (OBJ-2), on a labelled set made by perturbing.

    .venv/bin/python scripts/postgres.py .venv/bin/python -m bench.matching --write

A registry of buildings at real towns is filled. Each question is either one of them again, as the next person writes it
down (other abbreviations, order, a slip of the pen, rounded sizes, fields left out), or another building that is like
one of them. The product's own search through the indexes answers, so what it never looks at counts as missed. The seed
is fixed: every run asks the same.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bench.__main__ import start_django
from bench.report import write

SEED = 2026
STREETS = (
    "Восстания", "Заводская", "Ленина", "Кирова", "Промышленная", "Лесная", "Мира", "Гагарина", "Победы", "Советская",
    "Складская", "Магистральная", "Парковая", "Чапаева", "Энергетиков", "Строителей", "Королёва", "Степана Разина",
    "Карла Маркса", "Базовая", "Индустриальная", "Зелёная", "Трактовая", "Дорожная", "Фёдора Полетаева",
)  # fmt: skip
KINDS = (("ул.", "улица", "ул"), ("пр-т", "проспект", "просп."), ("ш.", "шоссе", "ш"), ("пер.", "переулок", "пер"))
Building = dict[str, Any]


def main() -> int:
    """Fill, ask, tell; the exit code says whether the aims are met."""
    parser = argparse.ArgumentParser(prog="python -m bench.matching", description=__doc__)
    parser.add_argument("--objects", type=int, default=3_000)
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start_django(folder)
        return measure(options)


def measure(options: argparse.Namespace) -> int:
    """Ask of every object, in turn, one way of writing it again and one building like it."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    chance = random.Random(SEED)
    registry = fill(options.objects, chance)
    tallies: dict[str, Tally] = defaultdict(Tally)
    for number, (pk, known) in enumerate(registry.items()):
        code, again = AGAIN[number % len(AGAIN)]
        ask(again(dict(known), chance), pk, tallies[code], tallies["again, all"])
        code, other = OTHERS[number % len(OTHERS)]
        ask(other(dict(known), chance), None, tallies[code], tallies["another, all"])
    text = told(tallies, len(registry))
    print(text)
    if options.write:
        write("matching", text)
    whole = tallies["again, all"]
    return 0 if whole.recall >= 0.9 and precision(tallies) >= 0.95 else 1


@dataclass
class Tally:
    """What came of some questions: `found` the right object among those shown, `wrong` others shown beside."""

    asked: int = 0
    found: int = 0
    sure: int = 0
    wrong: int = 0
    wrong_sure: int = 0

    @property
    def recall(self) -> float:
        """The share of questions whose object was shown."""
        return self.found / self.asked if self.asked else 0.0


def precision(tallies: dict[str, Tally]) -> float:
    """The share of right ones among all objects shown."""
    found, wrong = tallies["again, all"].found, tallies["again, all"].wrong + tallies["another, all"].wrong
    return found / (found + wrong) if found else 0.0


def ask(building: Building, pk: int | None, *into: Tally) -> None:
    """Ask for the duplicates of a building and count the answer."""
    from objects_registry.matching import candidates_for, features_of
    from objects_registry.models import ConstructionObject

    shown = candidates_for(features_of(ConstructionObject(**building)))
    right = [item for item in shown if item.object.pk == pk]
    for tally in into:
        tally.asked += 1
        tally.found += bool(right)
        tally.sure += any(item.match.certain for item in right)
        tally.wrong += len(shown) - len(right)
        tally.wrong_sure += sum(item.match.certain for item in shown if item.object.pk != pk)


# -- the registry -----------------------------------------------------------------------------------------------------


def fill(count: int, chance: random.Random) -> dict[int, Building]:
    """Buildings at real towns, no two of them at one address; by their keys."""
    from crm import places
    from objects_registry.keys import derive_keys
    from objects_registry.models import ConstructionObject, Purpose

    towns = [(row["name"], city) for row in places._rows() for city in row["cities"]]
    purposes = sorted(Purpose.objects.values_list("pk", flat=True))
    made: dict[int, Building] = {}
    taken = set()
    while len(made) < count:
        region, city = chance.choice(towns)
        street, house = chance.choice(STREETS), chance.randrange(1, 180)
        if (city, street, house) in taken:
            continue
        taken.add((city, street, house))
        building = sized({"region": region, "city": city, "purpose_id": chance.choice(purposes)}, chance)
        building["address"] = f"г. {city}, {KINDS[house % len(KINDS)][0]} {street}, {house}"
        row = ConstructionObject(pipeline_id="object", stage="object:planned", name=city, **building)
        derive_keys(row, {"__new__"})
        row.save()
        made[row.pk] = building
    return made


def sized(building: Building, chance: random.Random) -> Building:
    """With sizes as they are ordered: whole steps of the frame, or the odd plot."""
    width = Decimal(chance.choice([12, 15, 18, 21, 24, 30, 36])) + Decimal(chance.choice(["0", "0", "0.4", "0.25"]))
    length = Decimal(chance.randrange(24, 121, 6)) + Decimal(chance.choice(["0", "0", "0.6", "0.3"]))
    height = Decimal(chance.randrange(8, 26)) / 2
    return {**building, "width": width, "length": length, "height": height, "area": (width * length).quantize(CENT)}


CENT = Decimal("0.01")

# -- the same building again ------------------------------------------------------------------------------------------


def _parts(building: Building) -> tuple[str, str, str, str]:
    """Town, kind of the street, street, house of the address."""
    town, rest, house = building["address"].split(", ")
    kind, _space, street = rest.partition(" ")
    return town.removeprefix("г. "), kind, street, house


def abbreviated(building: Building, chance: random.Random) -> Building:
    """Other abbreviations, capitals and ё."""
    town, kind, street, house = _parts(building)
    written = next(names for names in KINDS if kind in names)
    text = f"{chance.choice(['город', 'г', 'гор.'])} {town} {chance.choice(written[1:])} {street} д.{house}"
    return {**building, "address": chance.choice([text.upper(), text, text.lower()]).replace("ё", "е")}


def reordered(building: Building, _chance: random.Random) -> Building:
    """The house first, the region at the end."""
    town, kind, street, house = _parts(building)
    return {**building, "address": f"{street} {kind} {house}, {town}, {building['region']}", "city": "", "region": ""}


def swapped(building: Building, _chance: random.Random) -> Building:
    """Width and length change places."""
    return {**building, "width": building["length"], "length": building["width"]}


def nearly(building: Building, chance: random.Random) -> Building:
    """Measured again: within half a percent, and the area written by hand."""
    off = {name: (building[name] * Decimal(str(chance.uniform(0.996, 1.004)))).quantize(CENT) for name in SIDES}
    return {**building, **off, "area": (off["width"] * off["length"]).quantize(CENT)}


def rounded(building: Building, _chance: random.Random) -> Building:
    """Whole metres, as people say it on the phone; the area follows."""
    off = {name: building[name].quantize(Decimal(1), ROUND_HALF_UP) for name in SIDES}
    return {**building, **off, "area": off["width"] * off["length"]}


def sparse(building: Building, chance: random.Random) -> Building:
    """The height and perhaps the purpose are not known yet."""
    return {**building, "height": None, "purpose_id": chance.choice([None, building["purpose_id"]])}


def misspelt(building: Building, chance: random.Random) -> Building:
    """A letter of the street is wrong."""
    town, kind, street, house = _parts(building)
    at = chance.randrange(1, len(street) - 1)
    letter = chance.choice("аеиорст")
    return {**building, "address": f"г. {town}, {kind} {street[:at]}{letter}{street[at + 1 :]}, {house}"}


def townless(building: Building, _chance: random.Random) -> Building:
    """Only the town was told; all sizes and the purpose are there."""
    return {**building, "address": ""}


def renamed(building: Building, chance: random.Random) -> Building:
    """The next person calls it something else."""
    return {**building, "purpose_id": another_purpose(building["purpose_id"], chance)}


def together(building: Building, chance: random.Random) -> Building:
    """Abbreviated, turned and measured again, without a height."""
    return sparse(nearly(swapped(abbreviated(building, chance), chance), chance), chance)


SIDES = ("width", "length")
AGAIN: tuple[tuple[str, Callable[[Building, random.Random], Building]], ...] = (
    ("again: other abbreviations", abbreviated),
    ("again: other order", reordered),
    ("again: sides swapped", swapped),
    ("again: measured again", nearly),
    ("again: whole metres", rounded),
    ("again: fields missing", sparse),
    ("again: a slip in the street", misspelt),
    ("again: the town alone", townless),
    ("again: another purpose", renamed),
    ("again: several of these", together),
)

# -- another building -------------------------------------------------------------------------------------------------


def elsewhere(building: Building, chance: random.Random) -> Building:
    """The same standard building in another street of the town."""
    town, kind, street, _house = _parts(building)
    other = chance.choice([name for name in STREETS if name != street])
    return {**building, "address": f"г. {town}, {kind} {other}, {chance.randrange(200, 300)}"}


def next_door(building: Building, chance: random.Random) -> Building:
    """A few houses on in the same street, another size and purpose."""
    town, kind, street, house = _parts(building)
    moved = {**building, "address": f"г. {town}, {kind} {street}, {int(house) + 200}"}
    return other_size({**moved, "purpose_id": another_purpose(building["purpose_id"], chance)}, chance)


def second_on_site(building: Building, chance: random.Random) -> Building:
    """A second building at the very address: another size and purpose."""
    return other_size({**building, "purpose_id": another_purpose(building["purpose_id"], chance)}, chance)


def in_another_town(building: Building, chance: random.Random) -> Building:
    """The same street, house and sizes in a town that is not there."""
    _town, kind, street, house = _parts(building)
    return {**building, "city": "Светлогорск-7", "region": "", "address": f"г. Светлогорск-7, {kind} {street}, {house}"}


def other_size(building: Building, chance: random.Random) -> Building:
    """Clearly larger or smaller."""
    share = Decimal(chance.choice(["0.6", "0.75", "1.3", "1.6"]))
    off = {name: (building[name] * share).quantize(CENT) for name in (*SIDES, "height")}
    return {**building, **off, "area": (off["width"] * off["length"]).quantize(CENT)}


def another_purpose(known: str, chance: random.Random) -> str:
    """Any other."""
    from objects_registry.models import Purpose

    return chance.choice(sorted(Purpose.objects.exclude(pk=known).values_list("pk", flat=True)))


OTHERS: tuple[tuple[str, Callable[[Building, random.Random], Building]], ...] = (
    ("another: the same one in another street", elsewhere),
    ("another: in the same street", next_door),
    ("another: a second one on the site", second_on_site),
    ("another: the same street of another town", in_another_town),
)


def told(tallies: dict[str, Tally], count: int) -> str:
    """The table for the docs."""
    whole, others = tallies["again, all"], tallies["another, all"]
    sure_wrong = whole.wrong_sure + others.wrong_sure
    sure = whole.sure / (whole.sure + sure_wrong) if whole.sure else 0.0
    first = (
        f"{count:,} objects, {whole.asked:,} of them asked for again and {others.asked:,} other buildings like them, "
        f"seed {SEED}. Shown as possible: precision {precision(tallies):.3f}, recall {whole.recall:.3f}. Said to be "
        f"certain: precision {sure:.3f}, recall {whole.sure / whole.asked:.3f}."
    )
    lines = [
        first,
        "",
        "| how it is written | asked | shown | as certain | wrong ones beside |",
        "|---|---|---|---|---|",
    ]
    for code, tally in sorted(tallies.items()):
        lines.append(f"| {code} | {tally.asked:,} | {tally.found:,} | {tally.sure:,} | {tally.wrong:,} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
