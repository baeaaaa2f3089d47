"""The post of a form on the card of the lead that was made of it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from communications.models import Submission
from crm.models import RecordType, StagedRecord
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
    """How the request came, and what of it was not understood or not kept; nothing where no form stands behind it."""
    user: Any = request.user
    record = visible_record(record_type, pk, user)
    if record is None:
        raise Http404
    row = request_behind(record, user)
    if row is None:
        return HttpResponse("")
    return render(request, "communications/record_request.html", {"row": row, "is_head": user.is_head})
