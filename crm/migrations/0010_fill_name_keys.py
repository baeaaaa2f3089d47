"""Fills the name keys of contacts and companies that are there already; rerunning it changes nothing."""

from django.db import migrations

# Pure functions without models. A later version of them may give other keys: then a migration fills them anew.
from crm.normalize.sameness import company_key, person_key

BATCH = 2_000


def in_batches(model, columns, key_of):
    last = 0
    while rows := list(
        model.objects.filter(pk__gt=last).order_by("pk").only("pk", "stage", "name_key", *columns)[:BATCH]
    ):
        for row in rows:
            row.name_key = key_of(row)
        model.objects.bulk_update(rows, ["name_key"])
        last = rows[-1].pk


def fill(apps, schema_editor):
    contacts, companies = apps.get_model("crm", "Contact"), apps.get_model("crm", "Company")
    names = ("last_name", "first_name", "patronymic")
    in_batches(contacts, names, lambda row: person_key(" ".join(getattr(row, name) for name in names)))
    in_batches(companies, ("name",), lambda row: company_key(row.name))


class Migration(migrations.Migration):
    dependencies = [("crm", "0009_name_keys")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
