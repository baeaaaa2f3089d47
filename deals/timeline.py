"""Sentences of deals on the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import ngettext

from crm.templatetags.ui import number
from crm.timeline import formatter


@formatter("lines", "field")
def _lines(data: Mapping[str, Any]) -> str:
    count = int(data.get("count", 0))
    text = ngettext(
        "Products and services: %(count)s line, %(total)s in all.",
        "Products and services: %(count)s lines, %(total)s in all.",
        count,
    )
    return text % {"count": count, "total": number(data.get("total"))}
