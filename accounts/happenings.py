"""What happens to accounts, told upward: the kernel writes it into the audit trail, this layer does not know it."""

from __future__ import annotations

from collections.abc import Callable

from accounts.models import User

# (what, whose account if anybody's, who did it: a person, an author of the kernel, or None; what else there is to say)
Listener = Callable[[str, User | None, object, str], None]
LISTENERS: list[Listener] = []


def listen(listener: Listener) -> None:
    """Register who hears of it; called from AppConfig.ready."""
    if listener not in LISTENERS:
        LISTENERS.append(listener)


def happened(what: str, user: User | None, by: object, details: str = "") -> None:
    """Tell all who listen, in the caller's transaction."""
    for listener in LISTENERS:
        listener(what, user, by, details)
