"""Trigram indexes under global search on PostgreSQL; SQLite scans its one search column."""

from django.db import migrations

TABLES = ("crm_contact", "crm_company", "leads_lead", "deals_deal", "objects_registry_constructionobject")


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    for table in TABLES:
        schema_editor.execute(
            f"CREATE INDEX IF NOT EXISTS {table}_search ON {table} USING gin (search_text gin_trgm_ops)"
        )


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {table}_search")


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0001_initial"),
        ("deals", "0001_initial"),
        ("leads", "0001_initial"),
        ("objects_registry", "0001_initial"),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
