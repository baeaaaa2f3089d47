"""On the card of a lead or deal: how its request came, and the letters that did not leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from communications.models import Message, Submission
from communications.selectors import letter_in_sight, unsent_of
from communications.services import message_resend, message_settle
from crm.models import RecordType, StagedRecord
from crm.screens import access, dialogs
from crm.visibility import visible_record


def request_behind(record: StagedRecord, user: User) -> Submission | None:
    """The post of a form that a lead or deal was made of; a partner's people are not shown it."""
    if record.RECORD_TYPE not in {RecordType.LEAD, RecordType.DEAL} or user.is_partner:
        return None
    rows = Submission.objects.filter(**{f"{record.RECORD_TYPE}_id": record.pk}, state=Submission.State.DONE)
    return rows.select_related("form", "consent").defer("body").order_by("pk").first()


@login_required
@require_safe
def record_request(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """How the request came, and what of it was not understood or not kept; the letters that wait for a person.

    Nothing where there is neither.
    """
    user: Any = request.user
    record = visible_record(record_type, pk, user)
    if record is None:
        raise Http404
    row, letters = request_behind(record, user), list(unsent_of(record, user))
    if row is None and not letters:
        return HttpResponse("")
    context = {
        "row": row,
        "is_head": user.is_head,
        "letters": letters,
        "may_change": bool(letters) and access.may_change(record, user),
    }
    return render(request, "communications/record_request.html", context)


@login_required
@require_POST
def letter_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a letter once more that did not leave, or of which it is unknown."""
    return _decide(request, pk, message_resend, _("The letter is sent again."))


@login_required
@require_POST
def letter_settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave it: the client has the letter, or it is not sent any more."""
    return _decide(request, pk, message_settle, _("Done."))


def _decide(request: HttpRequest, pk: int, act: Callable[..., Message], text: str) -> HttpResponse:
    found = letter_in_sight(pk, request.user, "change")  # type: ignore[arg-type]
    if found is None:
        raise Http404
    message, record = found
    act(message_id=message.pk, by=request.user)
    return dialogs.done(request, text, record)
