"""Lays the production calendar of Russia for 2025-2027 into the database; docs/calendar.md names the sources."""

from datetime import date

from django.db import migrations

NEW_YEAR, CHRISTMAS = "Новогодние каникулы", "Рождество Христово"
DEFENDER, WOMEN = "День защитника Отечества", "Международный женский день"
SPRING, VICTORY = "Праздник Весны и Труда", "День Победы"
RUSSIA, UNITY = "День России", "День народного единства"
EVE = "Предпраздничный день"
FIXED = (
    *((1, day, CHRISTMAS if day == 7 else NEW_YEAR) for day in range(1, 9)),
    (2, 23, DEFENDER), (3, 8, WOMEN), (5, 1, SPRING), (5, 9, VICTORY), (6, 12, RUSSIA), (11, 4, UNITY),
)  # fmt: skip
MOVED = {
    2025: ((5, 2, "04.01"), (5, 8, "23.02"), (6, 13, "08.03"), (11, 3, "01.11"), (12, 31, "05.01")),
    2026: ((1, 9, "03.01"), (3, 9, "08.03"), (5, 11, "09.05"), (12, 31, "04.01")),
    2027: ((5, 3, "01.05"), (5, 10, "09.05"), (6, 14, "12.06")),
}
SHORT = {
    2025: ((3, 7), (4, 30), (6, 11), (11, 1)),
    2026: ((4, 30), (5, 8), (6, 11), (11, 3)),
    2027: ((2, 22), (4, 30), (6, 11), (11, 3), (12, 31)),
}


def days():
    for year, moved in MOVED.items():
        for month, day, name in FIXED:
            yield date(year, month, day), "off", name
        for month, day, instead_of in moved:
            yield date(year, month, day), "off", f"Перенос с {instead_of}"
        for month, day in SHORT[year]:
            yield date(year, month, day), "short", EVE


def forwards(apps, schema_editor):
    calendar = apps.get_model("crm", "CalendarDay")
    known = set(calendar.objects.values_list("day", flat=True))
    calendar.objects.bulk_create(
        calendar(day=day, kind=kind, name=name) for day, kind, name in days() if day not in known
    )


class Migration(migrations.Migration):
    dependencies = [("crm", "0016_calendar_days")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
