"""Everything between "the packages are installed" and "the processes may start"."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from crm.catalogues import compile_catalogues


def static_fingerprint() -> str:
    """Describe the static files by name, size and time: collecting them again takes seconds."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            facts = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def half_done() -> Path:
    """Name the file that is there while the demo is being loaded."""
    return Path(settings.VAR_DIR) / "demo-is-loading"


def embedded_database() -> Path | None:
    """Name the demo's own database file; None when somebody named a database of theirs."""
    database = settings.DATABASES["default"]
    path = Path(str(database["NAME"]))
    own = database["ENGINE"] == "django.db.backends.sqlite3" and path.parent == Path(settings.VAR_DIR)
    return path if own else None


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
        if settings.DEMO:
            self.drop_half_a_demo()
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

    def drop_half_a_demo(self) -> None:
        """Start anew when the loading of the demo was cut short: half a year of a company would only puzzle."""
        if not half_done().exists():
            return
        database = embedded_database()
        if database is None:
            raise CommandError(
                f"The demo was loaded only in part. Empty the database named in DATABASE_URL, remove {half_done()} "
                "and start again."
            )
        self.stdout.write("The demo was loaded only in part; starting with an empty database.")
        connections.close_all()
        for suffix in ("", "-wal", "-shm"):
            database.with_name(f"{database.name}{suffix}").unlink(missing_ok=True)
        half_done().unlink()

    def load_demo(self) -> None:
        """Fill a database in which nobody is, and print how to sign in."""
        if "load_demo" not in get_commands():
            return
        if not get_user_model().objects.exists():
            self.stdout.write("Loading the demo data, once; this takes a minute or two ...")
            self.stdout.flush()
            half_done().touch()
            call_command("load_demo")
            half_done().unlink()
        call_command("load_demo", print_logins=True)
