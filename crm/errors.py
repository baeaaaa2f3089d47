"""Domain errors with a human message, and the one shape in which the API tells them (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import (
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_fsm import ConcurrentTransition
from rest_framework import exceptions
from rest_framework.response import Response

from crm import scope


class DomainError(Exception):
    """A request that the rules refuse; `message` is for the person, `code` for programs."""

    code = "refused"
    status = 422
    title = gettext_lazy("The request was refused")

    def __init__(self, message: str, *, errors: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.errors = list(errors)


@dataclass(frozen=True)
class MissingField:
    """A requirement that the record does not meet: its code, its label, and the fields that would meet it.

    `problem` says what is wrong with a value that is there ("-", a date of last year), `reason` is its code.
    """

    code: str
    label: str
    fields: tuple[str, ...] = field(default=())
    problem: str = ""
    reason: str = "required"

    @property
    def told(self) -> str:
        """For a person: the label, with what is wrong where that is not that it is empty."""
        return f"{self.label}: {self.problem}" if self.problem else str(self.label)


class StageError(DomainError):
    """A move that the pipeline does not allow; nothing was changed."""

    code = "move_not_allowed"
    title = gettext_lazy("The move is not allowed")


class MissingFields(StageError):
    """A move into a stage whose required fields are empty or filled with what is no answer (PIPE-3)."""

    code = "missing_fields"
    title = gettext_lazy("Some fields must be filled in first")

    def __init__(self, missing: Sequence[MissingField], stage_name: str) -> None:
        self.missing = list(missing)
        labels = ", ".join(str(item.label) for item in missing)
        text = _("To enter «%(stage)s», fill in: %(fields)s.") % {"stage": stage_name, "fields": labels}
        super().__init__(
            " ".join([text, *(item.told for item in missing if item.problem)]),
            errors=[
                {
                    "pointer": f"/data/{item.code}",
                    "code": item.reason,
                    "message": item.told,
                    "fields": item.fields,
                }
                for item in missing
            ],
        )


class RefusalNeeded(StageError):
    """A move to a failure stage without a proper reason and comment (PIPE-4)."""

    code = "refusal_needed"
    title = gettext_lazy("A reason for the refusal is needed")


class StageConflict(DomainError):
    """Somebody else changed the record meanwhile (PIPE-6)."""

    code = "conflict"
    status = 409
    title = gettext_lazy("Another person changed this meanwhile")


# SQLSTATE: deadlock_detected and serialization_failure (PostgreSQL, appendix A). SQLite knows only a sentence.
_LOST_RACES = frozenset({"40P01", "40001"})
_SQLITE_LOCKED = "database is locked"


def lost_race(error: Exception) -> StageConflict | None:
    """The conflict that an error of the framework or the database stands for; None where it is something else.

    Two transactions that lock the same rows in another order cannot both go on: the database undoes one of them
    whole, and its person may simply try again.
    """
    if isinstance(error, ConcurrentTransition):
        return StageConflict(_("Another person changed this record meanwhile. Reload it and try again."))
    if isinstance(error, OperationalError):
        state = getattr(error.__cause__, "sqlstate", None)
        if state in _LOST_RACES or _SQLITE_LOCKED in str(error):
            return StageConflict(_("Somebody was changing the same records just now. Nothing was changed: try again."))
    return None


class TooLarge(DomainError):
    """A body larger than the product accepts."""

    code = "too_large"
    status = 413
    title = gettext_lazy("Too large")


class InvalidInput(DomainError):
    """Values that the model refuses; `errors` name the fields."""

    code = "invalid"
    status = 400
    title = gettext_lazy("Some values are wrong")

    @classmethod
    def at(cls, name: str, message: str) -> InvalidInput:
        """One wrong value: `name` is its field, or the way to it ("lines/2/price")."""
        return cls(message, errors=[{"pointer": f"/{name}", "code": "invalid", "message": message}])

    @classmethod
    def from_validation(cls, error: ValidationError) -> InvalidInput:
        """From a Django ValidationError, field by field."""
        if hasattr(error, "error_dict"):
            rows = [
                {
                    "pointer": "" if name == "__all__" else f"/{name}",
                    "code": item.code or "invalid",
                    "message": message,
                }
                for name, items in error.error_dict.items()
                for item in items
                for message in item.messages
            ]
        else:
            rows = [{"pointer": "", "code": "invalid", "message": message} for message in error.messages]
        return cls(" ".join(row["message"] for row in rows), errors=rows)


@contextmanager
def pointing(prefix: str, *, joint: str = "/") -> Iterator[None]:
    """Say where in the caller's data the fields stand that a service within the block refuses."""
    try:
        yield
    except DomainError as error:
        error.errors = [
            {**row, "pointer": f"{prefix}{joint}{str(row.get('pointer', '')).lstrip('/')}"} for row in error.errors
        ]
        raise


def problem(
    status: int, code: str, title: str, detail: str, errors: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The body of an application/problem+json answer."""
    return {
        "type": f"/api/docs/errors#{code}",
        "title": str(title),
        "status": status,
        "code": code,
        "detail": detail,
        "instance": scope.request_id.get(),
        "errors": list(errors),
    }


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every 4xx is problem+json; anything unknown goes on as a 500."""
    error = lost_race(error) or error
    if isinstance(error, ValidationError):
        error = InvalidInput.from_validation(error)
    if isinstance(error, RequestDataTooBig):
        error = TooLarge(_("The body is larger than is accepted."))
    if isinstance(error, SuspiciousOperation):
        error = exceptions.ParseError(_("The body cannot be read."))
    if isinstance(error, DomainError):
        body = problem(error.status, error.code, str(error.title), error.message, error.errors)
        return _answer(error.status, body, _retry_after(error))
    if isinstance(error, Http404 | ObjectDoesNotExist):
        error = exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(str(error) or None)
    if not isinstance(error, exceptions.APIException):
        return None
    rows = list(_rows(error.detail)) if isinstance(error, exceptions.ValidationError) else []
    detail = str(error.detail) if isinstance(error.detail, str) else " ".join(row["message"] for row in rows)
    code = "invalid" if rows else str(error.default_code)
    # DRF's own "Invalid input." has no Russian.
    # A sentence with a gap, as of a wrong method, is filled in only in the detail.
    title = InvalidInput.title if rows else detail if "{" in str(error.default_detail) else error.default_detail
    body = problem(error.status_code, code, str(title), detail, rows)
    headers = _retry_after(error)
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    return _answer(error.status_code, body, headers)


def _retry_after(error: Exception) -> dict[str, str]:
    wait = getattr(error, "wait", None)
    return {"Retry-After": str(int(wait) + 1)} if wait else {}


def _answer(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    from django.db import connection

    if connection.in_atomic_block and connection.needs_rollback is False:
        from rest_framework.views import set_rollback

        set_rollback()
    return Response(body, status=status, headers=headers, content_type="application/problem+json")


def _rows(detail: Any, pointer: str = "") -> Any:
    if isinstance(detail, dict):
        for name, value in detail.items():
            yield from _rows(value, pointer if name == "non_field_errors" else f"{pointer}/{name}")
    elif isinstance(detail, list):
        for number, value in enumerate(detail):
            yield from _rows(value, pointer if isinstance(value, str) else f"{pointer}/{number}")
    else:
        yield {"pointer": pointer, "code": getattr(detail, "code", "invalid"), "message": str(detail)}
