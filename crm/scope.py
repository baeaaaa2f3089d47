"""Memo for one request, task or command: what is read once and used many times (stages, settings, rights)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_memo: ContextVar[dict[str, Any] | None] = ContextVar("crm_scope", default=None)
request_id: ContextVar[str] = ContextVar("crm_request_id", default="")


@contextmanager
def opened() -> Iterator[None]:
    """Keep a memo until the block ends; an inner block shares the outer one's."""
    if _memo.get() is not None:
        yield
        return
    token = _memo.set({})
    try:
        yield
    finally:
        _memo.reset(token)


def remember(key: str, make: Callable[[], T]) -> T:
    """The value under `key`, made on first use; outside a scope it is made anew at every call."""
    memo = _memo.get()
    if memo is None:
        return make()
    if key not in memo:
        memo[key] = make()
    return memo[key]  # type: ignore[no-any-return]


def forget(*keys: str) -> None:
    """Drop remembered values after changing what they were read from."""
    memo = _memo.get()
    if memo is not None:
        for key in keys or tuple(memo):
            memo.pop(key, None)
