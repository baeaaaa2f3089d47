"""Fill an empty database with the demo: a year of a made-up plant."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.models import F
from django.utils import translation

from accounts.models import User
from crm import clock
from crm.models import Notification
from leads.models import Lead
from web.demo.build import build
from web.demo.world import PASSWORD

LOGINS = ("admin", "head", "manager", "operator", "control", "partner")


class Command(BaseCommand):
    """`load_demo` makes the demo once; `load_demo --print-logins` says how to sign in."""

    help = "Load the demo company into an empty database, or print its logins."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--leads", type=int, default=2000, help="how many leads the year has")
        parser.add_argument("--print-logins", action="store_true", help="print one login per role and stop")
        parser.add_argument("--force", action="store_true", help="load into a database that has people already")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["print_logins"]:
            self.print_logins()
            return
        if not options["force"] and (Lead.objects.exists() or User.objects.exists()):
            raise CommandError("The database is not empty; the demo goes into an empty one (or with --force).")
        began = time.monotonic()
        self.stdout.write("Loading a year of the demo company...")
        relax_disk()
        with translation.override("ru"):
            build(options["leads"], say=self.stdout.write)
        quiet_the_bells()
        self.stdout.write(f"Loaded in {time.monotonic() - began:.0f} s.")

    def print_logins(self) -> None:
        """A table of logins, one per role; nothing where the demo is not loaded."""
        users = {user.email: user for user in User.objects.filter(email__in=[f"{name}@example.com" for name in LOGINS])}
        for name in LOGINS:
            if (user := users.get(f"{name}@example.com")) is not None and user.check_password(PASSWORD):
                self.stdout.write(f"  {user.email:<24} {PASSWORD:<8} {user.get_role_display()}, {user.full_name}")


def quiet_the_bells() -> None:
    """Whoever opens the demo finds in the bell what is of the last two days; the year before has been read."""
    old = clock.now() - timedelta(days=2)
    Notification.objects.filter(created_at__lt=old, read_at__isnull=True).update(read_at=F("created_at"))


def relax_disk() -> None:
    """SQLite need not wait for the disk after each of thousands of steps: a demo cut short is made anew."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=OFF")
