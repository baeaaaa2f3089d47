"""Addresses of records, put together once: a page has hundreds that differ in a number alone."""

from __future__ import annotations

from functools import cache

from django.urls import get_urlconf, reverse

# No record has this number: where it stands in an address, the wanted one goes.
_MARK = 2**62


def link(name: str, pk: int) -> str:
    """The address of a named page with one number in it, such as "deal-detail"."""
    before, after = _parts(name, get_urlconf())
    return f"{before}{pk}{after}"


@cache
def _parts(name: str, _urlconf: str | None) -> tuple[str, str]:
    before, _mark, after = reverse(name, args=[_MARK]).partition(str(_MARK))
    return before, after
