"""The post of a form on the card of the lead that was made of it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from communications.models import Submission
from crm.models import RecordType
from crm.visibility import visible_record


@login_required
@require_safe
def record_request(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """How the request came, and what of it was not understood or not kept; nothing where no form stands behind it."""
    user: Any = request.user
    record = visible_record(record_type, pk, user)
    if record is None:
        raise Http404
    row = None
    if record_type in {RecordType.LEAD, RecordType.DEAL} and not user.is_partner:
        rows = Submission.objects.filter(**{f"{record_type}_id": record.pk}, state=Submission.State.DONE)
        row = rows.select_related("form", "consent").defer("body").order_by("pk").first()
    if row is None:
        return HttpResponse("")
    return render(request, "communications/record_request.html", {"row": row, "is_head": user.is_head})
