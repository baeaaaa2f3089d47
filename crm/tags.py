"""Free labels on leads and deals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crm.models import Tag


def tags_set(record: Any, *, tags: Iterable[Tag | str]) -> None:
    """Give a lead or a deal exactly these tags; names that are new become tags."""
    found = []
    for tag in tags:
        name = " ".join((tag if isinstance(tag, str) else tag.name).split())[:50]
        if name:
            found.append(tag if isinstance(tag, Tag) else Tag.objects.get_or_create(name=name)[0])
    record.tags.set(found)
