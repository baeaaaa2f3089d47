"""A post read as its form says, and what must be in it (LEAD-1)."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _

from communications.channels.webform.fields import read_request
from communications.channels.webform.transport import Parsed
from communications.models import WebForm
from communications.requests import LeadRequest
from communications.web_forms import labels_of, names_of, own_hosts
from crm.errors import DomainError

UNREAD = frozenset({"invalid_phone", "invalid_email"})


class RequestRefused(DomainError):
    """A request of which no record can be made; it is kept and shown as needing attention."""

    code = "needs_attention"


def request_of(form: WebForm | None, parsed: Parsed, *, page: str = "") -> LeadRequest:
    """The request in a post of a form, read as that form says."""
    if form is None:
        return read_request(parsed, {}, page=page)
    request = read_request(
        parsed,
        names_of(form),
        page=page,
        source=form.source_id or "",
        labels=labels_of(form),
        own_hosts=own_hosts(form),
        marks=form.marks,
    )
    # Somebody who left in the meantime gets no requests.
    keeper = form.responsible if form.responsible is not None and form.responsible.is_active else None
    return replace(request, responsible=keeper)


def check_request(request: LeadRequest, parsed: Parsed) -> None:
    """RequestRefused for a request without a phone and an e-mail, naming what was not understood.

    Without a phone or an e-mail nobody can answer: the post is kept, and somebody looks at it."""
    if request.phones or request.emails:
        return
    rows = list(request.problems)
    unread = {row["code"].removeprefix("invalid_"): row["message"] for row in rows if row["code"] in UNREAD}
    if unread:
        missing = {
            "phone": _("There is no phone in the request either."),
            "email": _("There is no e-mail in the request either."),
        }
        message = " ".join([*unread.values(), *(text for kind, text in missing.items() if kind not in unread)])
    elif parsed.is_readable:
        message = _("The request has neither a phone nor an e-mail in it.")
    else:
        message = _("The request could not be read, and there is neither a phone nor an e-mail in it.")
    rows += [
        {"pointer": f"/{name}", "code": "required", "message": message}
        for name in ("phone", "email")
        if name not in unread
    ]
    refused = " ".join(row["message"] for row in request.problems if row["code"] not in UNREAD)
    raise RequestRefused(f"{message} {refused}".strip(), errors=rows)
