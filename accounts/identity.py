"""For whom the web asks the database: what row-level security on PostgreSQL goes by (the second lock of ACC-2).

A statement carries its identity with it: ahead of it, in the same message and so in the same transaction, goes a
`set_config(..., true)` that ends with that transaction. Nothing stays on a connection, so that a pool, or a pgbouncer
that hands connections on after each transaction, has nothing to pass to the next person; and a statement without an
identity is answered as nobody's, with no rows. docs/adr/0012-row-level-security.md says what follows from it.

Outside a request (worker, commands, migrations) nothing is said: those connect by the owner of the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import transaction

from accounts.models import Role, User

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

# What of a person's role the database tells apart; each is a role of its own there, see crm.row_security.
ALL, MANAGER, OPERATOR, CONTROL, PARTNER, NOBODY = "all", "manager", "operator", "control", "partner", ""
SEEN_AS: dict[str, str] = {
    Role.ADMINISTRATOR: ALL,
    Role.SALES_HEAD: ALL,
    Role.SALES_MANAGER: MANAGER,
    Role.CALL_CENTER: OPERATOR,
    Role.PARTNER_CONTROL: CONTROL,
    Role.PARTNER: PARTNER,
}
# They neither read rows nor may they have anything before them.
BARE = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET ")


class Identity(NamedTuple):
    """Who asks: the role in the database, the person and their partner (0 for none)."""

    seen_as: str = NOBODY
    user_id: int = 0
    partner_id: int = 0


# None: outside a request, where the connection's own login decides.
_who: ContextVar[Identity | None] = ContextVar("crm_identity", default=None)


def of(user: Any) -> Identity:
    """The identity of a person; strangers and people switched off are nobody."""
    if not isinstance(user, User) or not user.is_active:
        return Identity()
    return Identity(SEEN_AS[user.role], user.pk, user.partner_id or 0)


@contextmanager
def _being(who: Identity | None) -> Iterator[None]:
    token = _who.set(who)
    try:
        yield
    finally:
        _who.reset(token)


def become(user: Any) -> None:
    """From here to the end of the request what is asked is asked for this person."""
    if _who.get() is not None:
        _who.set(of(user))


@contextmanager
def standing_in(user: Any) -> Iterator[None]:
    """Within the block what is asked is asked for this person, and what a stream reads later too (`keep`)."""
    with _being(None if _who.get() is None else of(user)):
        yield


def keep(response: Any) -> None:
    """Let a stream, whose pieces are made when all is over, be read for whoever is asked for now."""
    if response.streaming:
        response.streaming_content = _carried(response.streaming_content, _who.get())


@contextmanager
def as_system() -> Iterator[None]:
    """Within the block (or the decorated function) the product itself asks, past what the person may see.

    For what has to look further than the person may: every use says why. Outside a request it changes nothing.
    """
    with _being(None if _who.get() is None else Identity(ALL)):
        yield


def in_service() -> Any:
    """Within a service a person of the manufacturer acts for the manufacturer; a partner stays within its own rows."""
    who = _who.get()
    return _being(Identity(ALL) if who is not None and who.seen_as in {MANAGER, OPERATOR, CONTROL} else who)


class Middleware:
    """First of all: a request begins as nobody's, and whoever it is for is forgotten at its end."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not settings.WEB_LOGIN:
            return self.get_response(request)
        with _being(Identity()):
            response = self.get_response(request)
            keep(response)
            return response


def _carried(stream: Iterable[bytes], who: Identity | None) -> Iterator[bytes]:
    """A stream whose pieces are made when the request is over, still for the same person."""
    pieces = iter(stream)
    while True:
        with _being(who):
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece


# -- the statements ---------------------------------------------------------------------------------------------------


def watch(connection: Any, **_kwargs: Any) -> None:
    """Have the statements of a new connection carry the identity (a receiver of `connection_created`)."""
    if settings.WEB_LOGIN and connection.vendor == "postgresql" and carry not in connection.execute_wrappers:
        connection.execute_wrappers.append(carry)


def carry(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Execute a statement with its identity ahead of it."""
    who = _who.get()
    connection: Any = context["connection"]
    cursor: Any = context["cursor"]
    if who is None and not getattr(connection, "has_carried", False):
        return execute(sql, params, many, context)
    connection.has_carried = True
    if isinstance(sql, str) and sql.startswith(BARE):
        return execute(sql, params, many, context)
    ahead = said(who)
    if many or not isinstance(sql, str) or bool(getattr(cursor.cursor, "name", "")):
        # Cursors of the server and repeated statements take nothing before them: a transaction holds both together.
        with transaction.atomic(using=connection.alias, savepoint=False):
            connection.connection.execute(ahead)
            return execute(sql, params, many, context)
    result = execute(f"{ahead}; {sql}", params, many, context)
    cursor.nextset()
    return result


def said(who: Identity | None) -> str:
    """The statement that tells an identity for the rest of the transaction."""
    if who is None:
        role, who = "none", Identity()
    else:
        role = f"{settings.WEB_LOGIN}_{who.seen_as}" if who.seen_as else settings.WEB_LOGIN
    return (
        f"SELECT set_config('role', '{role}', true), set_config('crm.user_id', '{who.user_id:d}', true), "
        f"set_config('crm.partner_id', '{who.partner_id:d}', true)"
    )
