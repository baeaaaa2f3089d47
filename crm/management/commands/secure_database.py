"""`manage.py secure_database`: roles and policies of row-level security, and whether they hold."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from crm import row_security


class Command(BaseCommand):
    """Bring roles and policies up to date (as every `migrate` does), or look whether they are."""

    help = "Make or mend the web's login, its roles and the policies of row-level security; --check only looks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; fail where the second lock is open")

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Row-level security is PostgreSQL's; on SQLite the rule in the code is the only lock.")
        if not settings.WEB_LOGIN:
            raise CommandError("WEB_DATABASE_URL is not set: the web connects by the owner of the tables, unguarded.")
        if not options["check"]:
            count = row_security.secure(settings.WEB_LOGIN, settings.WEB_PASSWORD)
            self.stdout.write(f"{settings.WEB_LOGIN}: policies on {count} tables.")
        if wrong := row_security.open_doors(settings.WEB_LOGIN):
            raise CommandError("\n".join(wrong))
        self.stdout.write("The second lock holds.")
