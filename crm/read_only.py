"""Looking without touching: within the block no statement changes a row, whatever view, service or form is called.

A page that refuses by itself can be forgotten; a statement cannot, for all of them pass here, on both databases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.errors import DomainError

# What looks, and what holds a transaction together; anything else is refused, known or not.
LOOKS = re.compile(
    r"[\s(]*(?:SELECT|WITH|EXPLAIN|SAVEPOINT|RELEASE|ROLLBACK|BEGIN|COMMIT|SET|PRAGMA|FETCH)\b", re.IGNORECASE
)
CHANGES = re.compile(r"\b(?:INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM)\b", re.IGNORECASE)


class OnlyLookingError(DomainError):
    """Something was to be changed where one may only look; nothing was."""

    code = "only_looking"
    status = 403
    title = gettext_lazy("You are only looking")

    def __init__(self, message: str = "") -> None:
        super().__init__(message or _("You are only looking: nothing is changed meanwhile."))


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Refuse every statement that changes something; the view meets an OnlyLookingError."""
    held = connections.all()
    for connection in held:
        # First of all wrappers, so that it reads a statement before another puts anything ahead of it.
        connection.execute_wrappers.insert(0, _refuse)
    try:
        yield
    finally:
        for connection in held:
            connection.execute_wrappers.remove(_refuse)


def _refuse(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    text = sql if isinstance(sql, str) else ""
    if not LOOKS.match(text) or CHANGES.search(text):
        raise OnlyLookingError
    return execute(sql, params, many, context)
