"""The trash: what the person may bring back, one kind at a time."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm import trash
from crm.http import paginate
from crm.models import RECORD_MODELS, Change, record_model
from crm.screens import dialogs


@login_required
@require_safe
def trash_page(request: HttpRequest) -> HttpResponse:
    """Records deleted in the last thirty days, with who deleted them."""
    user: Any = request.user
    if not trash.may_delete(user):
        raise PermissionDenied
    kind = request.GET.get("kind", "lead")
    kind = kind if kind in RECORD_MODELS else "lead"
    page = paginate(request, trash.deleted(kind, user))
    rows = list(page)
    who: dict[int, Change] = {}
    changes = Change.objects.filter(record_type=kind, record_id__in=[row.pk for row in rows], field="deleted_at")
    for change in changes.select_related("actor_user").order_by("id"):
        who[change.record_id] = change
    tabs = [
        {
            "label": capfirst(str(record_model(name)._meta.verbose_name_plural)),
            "url": f"?kind={name}",
            "active": name == kind,
        }
        for name in RECORD_MODELS
    ]
    lines = [
        {"row": row, "change": who.get(row.pk), "url": reverse("trash-restore", args=[kind, row.pk])} for row in rows
    ]
    return render(request, "crm/trash.html", {"page": page, "lines": lines, "tabs": tabs, "days": trash.DAYS})


@login_required
@require_POST
def trash_restore(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Take a record out of the trash."""
    user: Any = request.user
    if record_type not in RECORD_MODELS:
        raise Http404
    record = trash.deleted(record_type, user).filter(pk=pk).first()
    if record is None:
        raise Http404
    trash.record_bring_back(record, by=user)
    text = _("«%(record)s» is back.") % {"record": record}
    return dialogs.done(request, text, to=f"{reverse('trash')}?kind={record_type}", go=True)
