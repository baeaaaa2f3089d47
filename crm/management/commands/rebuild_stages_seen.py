"""Makes what leads and deals keep of their stage history anew out of it; says how many of them were wrong."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from crm import stages_seen


class Command(BaseCommand):
    """Nothing has to be stopped for it, and it may run twice."""

    help = "Make the stages that leads and deals have stood in anew out of the stage history."

    def handle(self, *args: Any, **options: Any) -> None:
        """Kind by kind, in batches."""
        for kind in stages_seen.KINDS:
            self.stdout.write(f"{kind}: {stages_seen.refresh_all(kind)} mended")
