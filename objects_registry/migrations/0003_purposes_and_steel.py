"""Lays the purposes of buildings and the table of steel consumption that the company starts with; both are editable."""

from decimal import Decimal

from django.db import migrations

PURPOSES = [
    ("hangar", "Ангар", "Hangar", ["ангары", "арочный ангар", "бескаркасный ангар", "холодный ангар"]),
    ("warehouse", "Склад", "Warehouse", ["складское помещение", "складской комплекс", "логистический центр", "склады"]),
    ("workshop", "Цех", "Workshop", ["производственный цех", "производство", "мастерская", "завод"]),
    ("granary", "Зернохранилище", "Granary", ["зерносклад", "зерноток", "элеватор", "овощехранилище"]),
    ("trade_pavilion", "Торговый павильон", "Trade pavilion", ["магазин", "торговый центр", "торговый комплекс"]),
    ("car_service", "Автосервис", "Car service", ["СТО", "автомойка", "шиномонтаж", "автоцентр", "автосалон"]),
    ("sports", "Спорткомплекс", "Sports complex", ["ФОК", "спортзал", "спортивный комплекс", "манеж", "каток"]),
    ("canopy", "Навес", "Canopy", ["навесы", "навес для техники"]),
    ("farm", "Ферма (КРС)", "Cattle farm", ["ферма", "коровник", "животноводческая ферма", "свинарник", "птичник"]),
    ("office", "Административное здание", "Office building", ["АБК", "офис", "офисное здание", "бытовой корпус"]),
    ("garage", "Гараж/стоянка", "Garage, parking", ["гараж", "стоянка", "паркинг", "автостоянка"]),
    ("other", "Другое", "Other", ["прочее", "иное"]),
]

# kg/m² of a frame by span (rows) and height (columns), metres; heavier use weighs more than a cold hangar.
SPANS = (12, 18, 24, 30, 36)
HEIGHTS = (6, 9, 12)
BASE = {
    12: ("24", "28", "33"),
    18: ("29", "33", "38"),
    24: ("35", "39", "45"),
    30: ("42", "47", "54"),
    36: ("50", "56", "64"),
}
FACTORS = {None: "1.00", "hangar": "0.95", "canopy": "0.60", "workshop": "1.25", "sports": "1.10", "office": "1.30"}


def forwards(apps, schema_editor):
    purpose_model = apps.get_model("objects_registry", "Purpose")
    for number, (code, name_ru, name_en, synonyms) in enumerate(PURPOSES):
        purpose_model.objects.update_or_create(
            code=code,
            defaults={"name_ru": name_ru, "name_en": name_en, "synonyms": synonyms, "order": number * 10},
        )
    steel_model = apps.get_model("objects_registry", "SteelConsumption")
    if steel_model.objects.exists():
        return
    steel_model.objects.bulk_create(
        steel_model(
            purpose_id=purpose,
            span_to=span,
            height_to=height,
            kg_per_m2=(Decimal(kg) * Decimal(factor)).quantize(Decimal("0.1")),
        )
        for purpose, factor in FACTORS.items()
        for span in SPANS
        for height, kg in zip(HEIGHTS, BASE[span], strict=True)
    )


class Migration(migrations.Migration):
    dependencies = [("objects_registry", "0002_shipped_stages")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
