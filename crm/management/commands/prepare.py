"""Everything between "the packages are installed" and "the processes may start"."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandParser

from crm.catalogues import compile_catalogues


def static_fingerprint() -> str:
    """Describe the static files by name, size and time: collecting them again takes seconds."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            facts = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


class Command(BaseCommand):
    """Bring database, static files and translations up to date, and fill an empty demo."""

    help = "Migrates, compiles translations, collects static files and, in the demo, loads its data once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer a start without the demo's data."""
        parser.add_argument("--no-demo-data", action="store_true", help="leave an empty database empty")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do each step that is due and say which."""
        for locale_dir in settings.LOCALE_PATHS:
            compile_catalogues(locale_dir)
        self.stdout.write("Bringing the database up to date ...")
        self.stdout.flush()
        call_command("migrate", interactive=False, verbosity=0)
        self.collect_static()
        if settings.DEMO and not options["no_demo_data"]:
            self.load_demo()

    def collect_static(self) -> None:
        """Collect the static files when any of them changed."""
        stamp = settings.STATIC_ROOT / ".collected"
        wanted = static_fingerprint()
        if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
            return
        self.stdout.write("Collecting the static files ...")
        self.stdout.flush()
        call_command("collectstatic", interactive=False, verbosity=0, clear=settings.STATIC_ROOT.exists())
        stamp.write_text(wanted, encoding="ascii")

    def load_demo(self) -> None:
        """Fill a database in which nobody is, and print how to sign in."""
        if "load_demo" not in get_commands():
            return
        if not get_user_model().objects.exists():
            self.stdout.write("Loading the demo data, once; this takes up to a minute ...")
            self.stdout.flush()
            call_command("load_demo")
        call_command("load_demo", print_logins=True)
