"""Duplicates of objects: the merge window, its undo, and "not a duplicate"."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from crm.errors import DomainError
from crm.merging import MergePreview, mark_not_duplicate, merge, merge_preview, undo_merge
from crm.models import Merge, RecordType
from crm.screens import access, dialogs


def read_ids(values: list[str]) -> list[int]:
    """Numbers of records from "1,2,3" or several parameters, each once, in their order."""
    parts = [part for value in values for part in value.split(",")]
    return list(dict.fromkeys(int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 19))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def object_merge(request: HttpRequest) -> HttpResponse:
    """The merge window: 2 to 10 objects side by side; POST with `main` merges, without it (a list) opens it."""
    user: Any = request.user
    if not user.is_head:
        raise PermissionDenied
    ids = read_ids((request.POST if request.method == "POST" else request.GET).getlist("ids"))
    if request.method == "POST" and "main" not in request.POST:
        return _open(request, ids)
    try:
        preview = merge_preview(RecordType.OBJECT, ids, user)
        if request.method == "POST":
            return _merge(request, ids, preview)
    except ObjectDoesNotExist as error:
        raise Http404 from error
    except DomainError as error:
        return dialogs.message(request, error.message, title=_("These objects cannot be merged"), status=error.status)
    return render(request, "objects_registry/merge.html", {**merge_context(preview), "ids": ids})


def _open(request: HttpRequest, ids: list[int]) -> HttpResponse:
    """From the selected rows of a list to the window."""
    if not 2 <= len(ids) <= 10:
        text = _("Select from 2 to 10 objects to merge; %(count)s are selected.") % {"count": len(ids)}
        return dialogs.message(request, text, title=_("Merge…"))
    url = f"{reverse('object-merge')}?ids={','.join(map(str, ids))}"
    if dialogs.is_partial(request):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = url
        return response
    return HttpResponseRedirect(url)


def _merge(request: HttpRequest, ids: list[int], preview: MergePreview) -> HttpResponse:
    user: Any = request.user
    main_id = next(iter(read_ids([request.POST["main"]])), 0)
    if main_id not in ids:
        raise Http404
    choices = {
        row.name: chosen[0]
        for row in preview.rows
        if (chosen := read_ids([request.POST.get(f"field-{row.name}", "")])) and chosen[0] in ids
    }
    others = [pk for pk in ids if pk != main_id]
    done = merge(record_type=RecordType.OBJECT, main_id=main_id, other_ids=others, choices=choices, by=user)
    main = access.find(RecordType.OBJECT, main_id, user)
    text = ngettext(
        "%(count)s duplicate is merged into «%(main)s».",
        "%(count)s duplicates are merged into «%(main)s».",
        len(others),
    ) % {"count": len(others), "main": main}
    return dialogs.done(request, text, main, undo_url=reverse("object-merge-undo", args=[done.pk]), go=True)


def merge_context(preview: MergePreview) -> dict[str, Any]:
    """The window as components/merge_table.html reads it; what differs comes first."""
    fields = [
        {
            "name": row.name,
            "label": row.label[:1].upper() + row.label[1:],
            "differs": row.differs,
            "united": False,
            "cells": [
                {"record_id": cell.record_id, "value": cell.shown, "chosen": cell.record_id == row.chosen_id}
                for cell in row.cells
            ],
        }
        for row in sorted(preview.rows, key=lambda row: not row.differs)
        if any(not cell.is_empty for cell in row.cells)
    ]
    return {
        "merge_records": [
            {
                "id": record.pk,
                "title": str(record),
                "url": record.get_absolute_url(),
                "note": " · ".join(f"{name}: {count}" for name, count in preview.counts[record.pk].items()),
            }
            for record in preview.records
        ],
        "merge_main": preview.main.pk,
        "merge_fields": fields,
    }


@login_required
@require_POST
def object_merge_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a merge back in full."""
    user: Any = request.user
    done = Merge.objects.filter(pk=pk, record_type=RecordType.OBJECT).first()
    if done is None or not user.is_head:
        raise Http404
    try:
        undo_merge(merge_id=done.pk, by=user)
    except DomainError as error:
        return dialogs.message(request, error.message, title=_("The merge cannot be undone"), status=error.status)
    main = access.find(RecordType.OBJECT, done.main_id, user)
    return dialogs.done(request, _("The merge was undone: the objects are apart again."), main, go=True)


@login_required
@require_POST
def object_not_duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """Remember for everybody that two objects are different buildings."""
    user: Any = request.user
    obj = access.find_to_change(RecordType.OBJECT, pk, user)
    others = read_ids(request.POST.getlist("other"))
    try:
        mark_not_duplicate(
            record_type=RecordType.OBJECT, ids=[obj.pk, *others], by=user, reason=request.POST.get("reason", "")
        )
    except ObjectDoesNotExist as error:
        raise Http404 from error
    except DomainError as error:
        return dialogs.message(request, error.message)
    to = f"{obj.get_absolute_url()}?tab=duplicates"
    return dialogs.done(request, _("Remembered: these are different buildings."), obj, to=to, go=True)
