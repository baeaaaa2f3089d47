"""The page of all groups of possible duplicates of a kind, ready to be merged one by one (LEAD-14, OBJ-6)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from crm import duplicate_scan
from crm.duplicate_groups import groups_of, has_types, with_records
from crm.http import paginate
from crm.models import ClientType, DuplicateMember, DuplicateScan, NotDuplicate, RecordType, record_model
from crm.not_duplicates import mark_not_duplicate, unmark_not_duplicate
from crm.screens import dialogs
from crm.screens.merging import read_ids

PER_PAGE = 20
HEADINGS: dict[str, Any] = {
    RecordType.LEAD: gettext_lazy("Possible duplicates: leads"),
    RecordType.CONTACT: gettext_lazy("Possible duplicates: contacts"),
    RecordType.COMPANY: gettext_lazy("Possible duplicates: companies"),
    RecordType.OBJECT: gettext_lazy("Possible duplicates: objects"),
}


def duplicate_paths(record_type: str) -> list[URLPattern]:
    """The addresses of the page below those of a kind of record."""
    known = {"record_type": record_type}
    return [
        path("duplicates/", duplicate_groups, known, name=f"{record_type}-duplicates"),
        path("duplicates/scan/", start_scan, known, name=f"{record_type}-duplicates-scan"),
        path("duplicates/<int:pk>/different/", group_is_different, known, name=f"{record_type}-duplicates-different"),
        path("duplicates/marks/<int:pk>/forget/", forget_mark, known, name=f"{record_type}-duplicates-forget"),
    ]


def _require_head(request: HttpRequest) -> User:
    user: Any = request.user
    if not user.is_head:
        raise PermissionDenied
    return user  # type: ignore[no-any-return]


@login_required
@require_safe
def duplicate_groups(request: HttpRequest, record_type: str) -> HttpResponse:
    """All groups, a page of them at a time; while a search runs the part with its progress asks again by itself."""
    user = _require_head(request)
    scans = DuplicateScan.objects.filter(record_type=record_type)
    going = scans.filter(state__in=["waiting", "running"]).first()
    last = scans.exclude(state__in=["waiting", "running"]).first()
    on_marks = request.GET.get("tab") == "different"
    page_url = reverse(f"{record_type}-duplicates")
    context: dict[str, Any] = {
        "heading": HEADINGS[record_type],
        "record_type": record_type,
        "list_url": reverse(f"{record_type}-list"),
        "list_title": str(record_model(record_type)._meta.verbose_name_plural).capitalize(),
        "page_url": page_url,
        "going": going,
        "percent": duplicate_scan.progress(going) if going else 100,
        "last": last,
        "on_marks": on_marks,
        "is_sure": "sure" in request.GET,
        "types": ClientType.choices if has_types(record_type) else (),
        "client_type": chosen if (chosen := request.GET.get("client_type", "")) in ClientType.values else "",
        "tabs": [
            {"label": _("Groups"), "url": page_url, "active": not on_marks},
            {"label": _("Found different"), "url": f"{page_url}?tab=different", "active": on_marks},
        ],
    }
    if on_marks:
        context["page"] = page = paginate(request, _marks(record_type), PER_PAGE)
        context["marks"] = _with_pairs(page, record_type, user)
    else:
        rows = groups_of(record_type, user, sure=context["is_sure"], client_type=context["client_type"])
        context["page"] = page = paginate(request, rows, PER_PAGE)
        context["groups"] = with_records(page, record_type, user)
    is_part = dialogs.is_partial(request) and request.htmx.target == "scan"  # type: ignore[attr-defined]
    return render(request, "crm/duplicates.html#scan" if is_part else "crm/duplicates.html", context)


def _marks(record_type: str) -> Any:
    rows = NotDuplicate.objects.filter(record_type=record_type, other_type="").select_related("by")
    return rows.order_by("-at", "-id")


def _with_pairs(marks: Any, record_type: str, user: User) -> list[dict[str, Any]]:
    ids = {pk for mark in marks for pk in (mark.low_id, mark.high_id)}
    records = record_model(record_type)._default_manager.visible_to(user).in_bulk(ids)  # type: ignore[attr-defined]
    return [
        {"mark": mark, "pair": [records[pk] for pk in (mark.low_id, mark.high_id) if pk in records]} for mark in marks
    ]


@login_required
@require_POST
def start_scan(request: HttpRequest, record_type: str) -> HttpResponse:
    """Ask for a search; one that runs already is enough."""
    user = _require_head(request)
    duplicate_scan.scan_start(record_type=record_type, by=user)
    return HttpResponseRedirect(reverse(f"{record_type}-duplicates"))


@login_required
@require_POST
def group_is_different(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """All records of a group are different: remembered for everybody."""
    user = _require_head(request)
    members = DuplicateMember.objects.filter(group=pk, group__record_type=record_type)
    ids = list(members.values_list("member_id", flat=True))
    alive = record_model(record_type)._default_manager.visible_to(user).filter(pk__in=ids)  # type: ignore[attr-defined]
    wanted = read_ids(request.POST.getlist("ids")) or ids
    known = [found for found in alive.values_list("pk", flat=True) if found in wanted]
    if len(known) < 2:
        raise Http404
    mark_not_duplicate(record_type=record_type, ids=known, by=user)
    text = _("Remembered for everybody: these are different.")
    return dialogs.done(request, text, to=reverse(f"{record_type}-duplicates"), go=True)


@login_required
@require_POST
def forget_mark(request: HttpRequest, record_type: str, pk: int) -> HttpResponse:
    """They may be duplicates after all."""
    user = _require_head(request)
    mark = NotDuplicate.objects.filter(pk=pk, record_type=record_type).first()
    if mark is None:
        raise Http404
    unmark_not_duplicate(ids=[mark.pk], by=user)
    to = f"{reverse(f'{record_type}-duplicates')}?tab=different"
    return dialogs.done(request, _("Undone: the warning is there again."), to=to, go=True)
