"""Take the demo out again: everything that people, records and robots have left in the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from accounts.models import User

# What migrations have put there is not the demo's: pipelines, reasons, sources, purposes, rules, templates.
SHIPPED = frozenset(
    {
        "crm.Pipeline", "crm.Stage", "crm.RefusalReason", "crm.Source", "objects_registry.Purpose",
        "objects_registry.SteelConsumption", "automation.Rule", "communications.MessageTemplate",
        "contenttypes.ContentType", "auth.Permission", "auth.Group",
    }
)  # fmt: skip


class Command(BaseCommand):
    """`clear_demo` asks first; `clear_demo --yes` does not."""

    help = "Remove all records, people and files of the demo; settings that were shipped stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This is no demo (DEMO is off): its data is not thrown away.")
        people = User.objects.exclude(email__endswith="@example.com").count()
        if not options["yes"]:
            others = f" {people} of the people in it are not the demo's." if people else ""
            self.stdout.write(f"All records, people and files in this database will be removed.{others}")
            if input("Type yes to go on: ").strip().lower() != "yes":
                raise CommandError("Nothing was removed.")
        files = uploaded_files()
        with transaction.atomic():
            empty_tables()
        for path in files:
            path.unlink(missing_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        self.stdout.write("The demo is gone; load_demo makes it anew.")


def uploaded_files() -> list[Path]:
    """The files that records have, where they lie on this machine."""
    from crm.models import Attachment

    names = Attachment.objects.exclude(file="").values_list("file", flat=True)
    return [Path(settings.MEDIA_ROOT) / name for name in names]


def empty_tables() -> None:
    """Empty every table but the shipped ones, whatever points where: the constraints are checked in the end."""
    tables = [
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.label not in SHIPPED
    ]
    if connection.vendor == "postgresql":
        names = ", ".join(connection.ops.quote_name(table) for table in tables)
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {names} RESTART IDENTITY")
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA defer_foreign_keys=ON")
        for table in tables:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own tables
        cursor.execute("DELETE FROM sqlite_sequence")
