"""Sentences of deals on the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.templatetags.ui import money, number
from crm.timeline import formatter
from deals.models import Document


@formatter("lines", "field")
def _lines(data: Mapping[str, Any]) -> str:
    count = int(data.get("count", 0))
    text = ngettext(
        "Products and services: %(count)s line, %(total)s in all.",
        "Products and services: %(count)s lines, %(total)s in all.",
        count,
    )
    return text % {"count": count, "total": number(data.get("total"))}


def _document(data: Mapping[str, Any]) -> dict[str, Any]:
    kinds = dict(Document.Kind.choices)
    return {**data, "kind": kinds.get(str(data.get("kind")), ""), "label": data.get("label", "")}


@formatter("document_void", "file")
def _void(data: Mapping[str, Any]) -> str:
    return _("%(kind)s %(label)s is void: %(reason)s") % {"reason": "", **_document(data)}


@formatter("document_paid", "file")
def _paid(data: Mapping[str, Any]) -> str:
    sums = {name: money(data.get(name)) for name in ("old", "paid", "total")}
    return _("%(kind)s %(label)s: paid %(paid)s of %(total)s (it was %(old)s).") % {**_document(data), **sums}


@formatter("document_signed", "file")
def _signed(data: Mapping[str, Any]) -> str:
    return _("%(kind)s %(label)s is signed on %(signed_on)s.") % {"signed_on": "", **_document(data)}
