"""Keys of rows as they come in addresses and forms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# One digit fewer than the largest that a column of keys holds: every such number fits.
MOST_DIGITS = 18


def key_in(text: Any) -> int | None:
    """The key that a text names; None for what is none, such as "", "-1", "１２" or a number no column can hold."""
    written = str(text)
    return int(written) if written.isascii() and written.isdigit() and len(written) <= MOST_DIGITS else None


def keys_in(texts: Iterable[str]) -> list[int]:
    """The keys that the texts name, in their order; what is none is left out."""
    return [key for text in texts if (key := key_in(text)) is not None]


def keys_of_order(text: str) -> list[int]:
    """The keys of rows put in a new order, "7,3,9"; what is none is -1, which the services refuse in a sentence."""
    found = [key_in(part) for part in text.split(",")]
    return [-1 if key is None else key for key in found]
