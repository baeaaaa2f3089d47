"""Lays the shipped pipelines and stages into the database; a frozen copy of the declarations at this version."""

from django.db import migrations

# fmt: off
PIPELINES = [{'code': 'object',
  'record_type': 'object',
  'name_ru': 'Объекты',
  'name_en': 'Objects',
  'is_partner': False,
  'order': 50,
  'stages': [{'code': 'planned',
              'name_ru': 'Планируется',
              'name_en': 'Planned',
              'kind': 'open',
              'colour': 'azure',
              'is_start': True,
              'order': 0,
              'can_win': False,
              'returns_anywhere': False,
              'is_detour': False,
              'norm_hours': None,
              'probability': 0,
              'required': [],
              'is_shipped': True,
              'reasons': []},
             {'code': 'estimating',
              'name_ru': 'Расчёт',
              'name_en': 'Estimating',
              'kind': 'open',
              'colour': 'blue',
              'is_start': False,
              'order': 10,
              'can_win': False,
              'returns_anywhere': False,
              'is_detour': False,
              'norm_hours': None,
              'probability': 0,
              'required': [],
              'is_shipped': True,
              'reasons': []},
             {'code': 'contracted',
              'name_ru': 'Законтрактован',
              'name_en': 'Contracted',
              'kind': 'open',
              'colour': 'purple',
              'is_start': False,
              'order': 20,
              'can_win': False,
              'returns_anywhere': False,
              'is_detour': False,
              'norm_hours': None,
              'probability': 0,
              'required': [],
              'is_shipped': True,
              'reasons': []},
             {'code': 'building',
              'name_ru': 'Строится',
              'name_en': 'Building',
              'kind': 'open',
              'colour': 'orange',
              'is_start': False,
              'order': 30,
              'can_win': True,
              'returns_anywhere': False,
              'is_detour': False,
              'norm_hours': None,
              'probability': 0,
              'required': [],
              'is_shipped': True,
              'reasons': []},
             {'code': 'completed',
              'name_ru': 'Сдан',
              'name_en': 'Completed',
              'kind': 'success',
              'colour': 'green',
              'is_start': False,
              'order': 40,
              'can_win': False,
              'returns_anywhere': False,
              'is_detour': False,
              'norm_hours': None,
              'probability': 0,
              'required': [],
              'is_shipped': True,
              'reasons': []},
             {'code': 'cancelled',
              'name_ru': 'Отменён',
              'name_en': 'Cancelled',
              'kind': 'failure',
              'colour': 'red',
              'is_start': False,
              'order': 50,
              'can_win': False,
              'returns_anywhere': False,
              'is_detour': False,
              'norm_hours': None,
              'probability': 0,
              'required': [],
              'is_shipped': True,
              'reasons': [['Клиент отменил строительство', 'The client cancelled the construction', False],
                          ['Построил другой поставщик', 'Built by another supplier', False]]},
             {'code': 'merged',
              'name_ru': 'Объединён с другим',
              'name_en': 'Merged with another',
              'kind': 'failure',
              'colour': 'gray',
              'is_start': False,
              'order': 60,
              'can_win': False,
              'returns_anywhere': False,
              'is_detour': False,
              'norm_hours': None,
              'probability': 0,
              'required': [],
              'is_shipped': True,
              'reasons': []}]}]
# fmt: on


def forwards(apps, schema_editor):
    models = (apps.get_model("crm", name) for name in ("Pipeline", "Stage", "RefusalReason"))
    pipeline_model, stage_model, reason_model = models
    for spec in PIPELINES:
        values = {key: value for key, value in spec.items() if key not in {"code", "stages"}}
        pipeline, _ = pipeline_model.objects.update_or_create(code=spec["code"], defaults=values)
        for row in spec["stages"]:
            key = f"{spec['code']}:{row['code']}"
            columns = {name: value for name, value in row.items() if name != "reasons"}
            stage_model.objects.update_or_create(key=key, defaults={"pipeline": pipeline, **columns})
            for number, (name_ru, name_en, asks) in enumerate(row["reasons"]):
                reason_model.objects.update_or_create(
                    stage_id=key,
                    name_ru=name_ru,
                    defaults={"name_en": name_en, "asks_competitor": asks, "order": number},
                )


class Migration(migrations.Migration):
    dependencies = [("crm", "0004_stage_is_detour"), ("objects_registry", "0001_initial")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
