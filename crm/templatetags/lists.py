"""The rows of a list, drawn in Python by crm.screens.cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django import template
from django.utils.safestring import SafeString

from crm.screens import cells

register = template.Library()


@register.simple_tag
def list_rows(screen: Any, columns: Sequence[Any], rows: Iterable[Any], now: datetime) -> SafeString:
    """All rows of a page, one after another; a row that carries `may_change` has a box and cells to fill in."""
    labels = cells.labels_of(columns)
    return SafeString("".join(cells.row_html(screen, columns, row, now, labels) for row in rows))
