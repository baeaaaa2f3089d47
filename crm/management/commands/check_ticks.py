"""The health check of worker and beat, which serve no page."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.health import LATE_AFTER, tick_age


class Command(BaseCommand):
    """Fail when no tick was done of late."""

    help = "Ends with an error when beat, broker and worker have not done a tick for a while."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Let the caller say what late means."""
        parser.add_argument("--max-age", type=float, default=LATE_AFTER, help="seconds; default %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare the age with the limit."""
        age = tick_age()
        if age is None:
            raise CommandError("No tick has been done yet.")
        if age > options["max_age"]:
            raise CommandError(f"The last tick was done {age:.0f} s ago.")
        self.stdout.write(f"The last tick was done {age:.0f} s ago.")
