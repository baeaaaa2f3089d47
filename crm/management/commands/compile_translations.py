"""Makes the .mo files without the gettext tools."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from crm.catalogues import compile_catalogues


class Command(BaseCommand):
    """Compile the catalogues that changed."""

    help = "Compiles the translations that are newer than their compiled form."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Compile and say what was made."""
        for locale_dir in settings.LOCALE_PATHS:
            for made in compile_catalogues(locale_dir):
                self.stdout.write(str(made.relative_to(locale_dir)))
