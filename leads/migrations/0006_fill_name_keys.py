"""Fills the name keys of leads that are there already; rerunning it changes nothing."""

from django.db import migrations

# Pure functions without models, as in the migration of contacts and companies.
from crm.normalize import is_dummy_name
from crm.normalize.sameness import company_key, person_key

BATCH = 2_000


def fill(apps, schema_editor):
    leads, last = apps.get_model("leads", "Lead"), 0
    columns = ("pk", "stage", "name", "company_name", "name_key", "company_key")
    while rows := list(leads.objects.filter(pk__gt=last).order_by("pk").only(*columns)[:BATCH]):
        for row in rows:
            row.name_key = "" if is_dummy_name(row.name) else person_key(row.name)
            row.company_key = company_key(row.company_name)
        leads.objects.bulk_update(rows, ["name_key", "company_key"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("leads", "0005_name_keys")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
