"""Duplicates of any kind of record: the merge window, its undo, and "not a duplicate" (LEAD-14, OBJ-4)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from crm import clock, undo
from crm.actors import Actor
from crm.contact_points import OWNERS
from crm.errors import DomainError
from crm.keys import keys_in
from crm.merging import (
    LEAST,
    MOST,
    MergePreview,
    inn_warning,
    merge,
    merge_preview,
    undo_merge,
    undo_until,
)
from crm.models import ATTRIBUTION_FIELDS, Merge, RecordType, StagedRecord
from crm.normalize import format_phone
from crm.not_duplicates import mark_not_duplicate, unmark_not_duplicate
from crm.screens import access, dialogs

TITLES = {
    RecordType.LEAD: gettext_lazy("Merge of leads"),
    RecordType.CONTACT: gettext_lazy("Merge of contacts"),
    RecordType.COMPANY: gettext_lazy("Merge of companies"),
    RecordType.OBJECT: gettext_lazy("Merge of objects"),
}
UTM_NAMES = {
    "utm_source": gettext_lazy("Advertising: source"), "utm_medium": gettext_lazy("Advertising: kind of traffic"),
    "utm_campaign": gettext_lazy("Advertising: campaign"), "utm_content": gettext_lazy("Advertising: ad"),
    "utm_term": gettext_lazy("Advertising: key words"),
}  # fmt: skip
POINTS = (("phone", gettext_lazy("Phones")), ("email", gettext_lazy("E-mails")))


def merge_paths(record_type: str) -> list[URLPattern]:
    """The addresses of merging below those of a kind of record."""
    known = {"record_type": record_type}
    return [
        path("merge/", record_merge, known, name=f"{record_type}-merge"),
        path("merge/<int:pk>/undo/", record_merge_undo, known, name=f"{record_type}-merge-undo"),
        path("<int:pk>/not-duplicate/", record_not_duplicate, known, name=f"{record_type}-not-duplicate"),
    ]


def merge_action(record_type: str) -> dict[str, Any]:
    """The button of a list's selection."""
    return {"name": "merge", "label": _("Merge…"), "icon": "git-merge", "url": reverse(f"{record_type}-merge")}


def read_ids(values: list[str]) -> list[int]:
    """Numbers of records from "1,2,3" or several parameters, each once, in their order."""
    parts = [part for value in values for part in value.split(",")]
    return list(dict.fromkeys(keys_in(parts)))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def record_merge(request: HttpRequest, record_type: str) -> HttpResponse:
    """The merge window: 2 to 10 records side by side; POST with `main` merges, without it (a list) opens it."""
    user: Any = request.user
    if not user.is_head:
        raise PermissionDenied
    ids = read_ids((request.POST if request.method == "POST" else request.GET).getlist("ids"))
    if request.method == "POST" and "main" not in request.POST:
        return _open(request, record_type, ids)
    try:
        preview = merge_preview(record_type, ids, user)
        if request.method == "POST":
            return _merge(request, ids, preview)
    except ObjectDoesNotExist as error:
        raise Http404 from error
    except DomainError as error:
        return dialogs.message(request, error.message, title=_("These records cannot be merged"), status=error.status)
    context = {
        **merge_context(preview),
        "inn_warning": inn_warning(preview.inns),
        "ids": ids,
        "title": TITLES[preview.main.RECORD_TYPE],
        "list_url": reverse(f"{record_type}-list"),
        "list_title": preview.main._meta.verbose_name_plural.capitalize(),
        "merge_url": reverse(f"{record_type}-merge"),
        "back_url": preview.main.get_absolute_url(),
    }
    return render(request, "crm/merge.html", context)


def _open(request: HttpRequest, record_type: str, ids: list[int]) -> HttpResponse:
    """From the selected rows of a list to the window."""
    if not LEAST <= len(ids) <= MOST:
        text = _("Select from 2 to 10 records to merge; %(count)s are selected.") % {"count": len(ids)}
        return dialogs.message(request, text, title=_("Merge…"))
    url = f"{reverse(f'{record_type}-merge')}?ids={','.join(map(str, ids))}"
    if dialogs.is_partial(request):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = url
        return response
    return HttpResponseRedirect(url)


def _merge(request: HttpRequest, ids: list[int], preview: MergePreview) -> HttpResponse:
    user: Any = request.user
    kind = preview.record_type
    main_id = next(iter(read_ids([request.POST["main"]])), 0)
    if main_id not in ids:
        raise Http404
    choices = {
        row.name: chosen[0]
        for row in preview.rows
        if (chosen := read_ids([request.POST.get(f"field-{row.name}", "")])) and chosen[0] in ids
    }
    others = [pk for pk in ids if pk != main_id]
    accepted = bool(request.POST.get("accept_different_inns"))
    done = merge(
        record_type=kind, main_id=main_id, other_ids=others, choices=choices, accept_different_inns=accepted, by=user
    )
    main = access.find(kind, main_id, user)
    text = ngettext(
        "%(count)s duplicate is merged into «%(main)s».",
        "%(count)s duplicates are merged into «%(main)s».",
        len(others),
    ) % {"count": len(others), "main": main}
    return dialogs.done(request, text, main, undo_url=reverse(f"{kind}-merge-undo", args=[done.pk]), go=True)


def merge_context(preview: MergePreview) -> dict[str, Any]:
    """The window as components/merge_table.html reads it; what differs comes first, what is united last."""
    fields = [
        {
            "name": row.name,
            "label": str(UTM_NAMES.get(row.label, row.label[:1].upper() + row.label[1:])),
            "differs": row.differs,
            "united": False,
            "cells": [
                {
                    "record_id": cell.record_id,
                    "value": format_phone(cell.shown) if row.name == "phone" else cell.shown,
                    "chosen": cell.record_id == row.chosen_id,
                }
                for cell in row.cells
            ],
        }
        for row in sorted(preview.rows, key=lambda row: (not row.differs, row.name in ATTRIBUTION_FIELDS))
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
        "merge_fields": [*fields, *_united(preview)],
    }


def _united(preview: MergePreview) -> list[dict[str, Any]]:
    """Phones and e-mails: the main record gets those of all."""
    if preview.record_type not in OWNERS:
        return []
    rows = []
    for kind, label in POINTS:
        cells = []
        for record in preview.records:
            values = [point.value for point in preview.points[record.pk] if point.kind == kind]
            shown = ", ".join(format_phone(value) if kind == "phone" else value for value in values)
            cells.append({"record_id": record.pk, "value": shown, "chosen": True})
        if any(cell["value"] for cell in cells):
            differs = len({cell["value"] for cell in cells}) > 1
            rows.append({"name": f"all-{kind}", "label": label, "differs": differs, "united": True, "cells": cells})
    return rows


@login_required
@require_POST
def record_merge_undo(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Take a merge back in full."""
    user: Any = request.user
    done = Merge.objects.filter(pk=pk, record_type=record_type).first()
    if done is None or not user.is_head:
        raise Http404
    try:
        undo_merge(merge_id=done.pk, by=user)
    except DomainError as error:
        return dialogs.message(request, error.message, title=_("The merge cannot be undone"), status=error.status)
    main = access.find(record_type, done.main_id, user)
    return dialogs.done(request, _("The merge was undone: the records are apart again."), main, go=True)


def undoable_merges(record: StagedRecord, user: User) -> list[dict[str, Any]]:
    """The merges into this record that can still be taken back, for those who may."""
    if not user.is_head:
        return []
    done = Merge.objects.filter(record_type=record.RECORD_TYPE, main_id=record.pk, undone_at__isnull=True)
    return [
        {"merge": row, "until": undo_until(row), "url": reverse(f"{record.RECORD_TYPE}-merge-undo", args=[row.pk])}
        for row in done.select_related("by")
        if undo_until(row) > clock.now()
    ]


# -- not a duplicate --------------------------------------------------------------------------------------------------


@login_required
@require_POST
def record_not_duplicate(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """Remember for everybody that this record and others are different."""
    user: Any = request.user
    record = access.find_to_change(record_type, pk, user)
    others = read_ids(request.POST.getlist("other"))
    other_type = request.POST.get("other_type", record_type)
    try:
        rows = mark_not_duplicate(
            record_type=record_type,
            ids=[record.pk, *others],
            by=user,
            reason=request.POST.get("reason", ""),
            other_type=other_type,
        )
    except (ObjectDoesNotExist, KeyError) as error:
        raise Http404 from error
    except DomainError as error:
        return dialogs.message(request, error.message)
    to = request.POST.get("back", "")
    to = to if to.startswith("?") else ""
    undo_url = undo.offer(user, "not_duplicate", ids=[row.pk for row in rows])
    text = _("Remembered for everybody: these are different.")
    return dialogs.done(request, text, record, to=f"{record.get_absolute_url()}{to}", undo_url=undo_url)


@undo.undoer("not_duplicate")
def _undo_not_duplicate(by: Actor, payload: Any) -> str:
    """Take a mark back that was just made."""
    unmark_not_duplicate(ids=payload["ids"], by=by)
    return _("Undone: the warning is there again.")
