"""Transactions of services that call each other: one transaction needs no savepoint at every step.

A service that fails within another takes the whole of it back: that is what services mean, and a savepoint per call
would only be set and released again (a form post had ten of them). Who wants to go on after the failure of a part puts
the part into `on_its_own()` or a plain `transaction.atomic()`; forgotten, the next statement raises
TransactionManagementError.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.db import transaction

from accounts import identity

F = TypeVar("F", bound=Callable[..., Any])


class _Block(transaction.Atomic):
    """An atomic block that joins the one it stands in directly, where that is of the same kind."""

    def __init__(self, *, is_joining: bool = True) -> None:
        super().__init__(None, savepoint=True, durable=False)
        self.is_joining = is_joining

    def _recreate_cm(self) -> _Block:
        # Of a decorated function each call is a block of its own, in its own thread.
        return _Block(is_joining=self.is_joining)

    def __enter__(self) -> None:
        around = transaction.get_connection().atomic_blocks
        self.savepoint = not (self.is_joining and around and isinstance(around[-1], _Block))
        super().__enter__()


def together(service: F) -> F:
    """`transaction.atomic` for a service; called directly by another such service it is part of that one's block."""
    return _within(_Block(), service)


def apart(service: F) -> F:
    """`transaction.atomic` with a savepoint of its own for a service, which acts as one of `together` does."""
    return _within(transaction.atomic(), service)


def _within(block: Any, service: F) -> F:
    """A service within a block; a person of the manufacturer acts in it for the manufacturer (accounts.identity)."""
    guarded = block(service)

    @wraps(service)
    def carried_out(*args: Any, **kwargs: Any) -> Any:
        with identity.in_service():
            return guarded(*args, **kwargs)

    return carried_out  # type: ignore[return-value]


def on_its_own() -> _Block:
    """A block whose failure can be caught outside it; services within join it."""
    return _Block(is_joining=False)
