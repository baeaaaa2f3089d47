"""Screens of construction objects: list, board, card, new, editing. Duplicates and merging are in merge_views."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from crm.screens import access, board, card, listing, pages
from crm.screens.merging import undoable_merges
from objects_registry.forms import ObjectForm, QuickObjectForm
from objects_registry.matching import duplicate_warning
from objects_registry.models import ConstructionObject
from objects_registry.screens import SCREEN
from objects_registry.services import object_create


def page_context(request: HttpRequest) -> dict[str, Any]:
    """What list and board call themselves and what can be made there."""
    return {
        "heading": _("Objects"),
        "create_url": reverse("object-create") if SCREEN.may_create(request.user) else "",
        "create_label": _("New object"),
    }


@login_required
@require_safe
def object_list(request: HttpRequest) -> HttpResponse:
    """Objects as a table."""
    return listing.list_answer(request, SCREEN, page_context(request))


@login_required
@require_safe
def object_board(request: HttpRequest) -> HttpResponse:
    """Objects by stage."""
    return board.board_answer(request, SCREEN, "crm/record_board.html", page_context(request))


@login_required
@require_safe
def object_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The card of an object; the address of a merged one leads to the main one."""
    user: Any = request.user
    if main := access.merged_target(SCREEN.record_type, pk, user):
        return HttpResponseRedirect(main.get_absolute_url())
    obj = access.find(SCREEN.record_type, pk, user)
    warning = duplicate_warning(obj, user)
    on_duplicates = request.GET.get("tab") == "duplicates"
    url = obj.get_absolute_url()
    context = {
        **card.card_context(request, SCREEN, obj),
        **page_context(request),
        "tabs": [
            {"label": _("Object"), "url": url, "active": not on_duplicates},
            {"label": _("Possible duplicates"), "url": f"{url}?tab=duplicates", "active": on_duplicates,
             "count": len(warning.candidates)},
        ],
        "on_duplicates": on_duplicates,
        "candidates": warning.candidates,
        "exists_already": warning.exists_already,
        "may_merge": user.is_head,
        "merges": undoable_merges(obj, user),
        "sections": sections_of(obj, user),
    }  # fmt: skip
    return render(request, "objects_registry/detail.html", context)


def sections_of(obj: ConstructionObject, user: User) -> list[dict[str, Any]]:
    """What hangs on an object, each served by its own app."""
    wanted = (
        ("deal", _("Deals"), "briefcase"),
        ("lead", _("Leads"), "filter"),
        ("contact", _("Contacts"), "users"),
        ("company", _("Companies"), "building"),
    )
    return [
        {"title": title, "url": f"{reverse(f'{kind}-section')}?object={obj.pk}", "icon": icon}
        for kind, title, icon in wanted
    ]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def object_create_page(request: HttpRequest) -> HttpResponse:
    """A new object: a few fields in the dialog, all of them on the page."""
    user: Any = request.user
    if not SCREEN.may_create(user):
        raise PermissionDenied
    quick = "full" not in request.GET
    form: Any
    if quick:
        form = QuickObjectForm(request.POST or None)
    else:
        form = ObjectForm(request.POST or None, record=ConstructionObject(), user=user)

    def make(values: dict[str, Any]) -> ConstructionObject:
        return object_create(by=user, data={key: value for key, value in values.items() if value not in (None, "")})

    return pages.create_page(request, SCREEN, form, make, title=_("New object"), quick=quick)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def object_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """All fields of an object."""
    return pages.edit_page(request, SCREEN, pk, ObjectForm)
