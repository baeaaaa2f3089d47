"""Screens of construction objects: list, board, card, new, editing. Duplicates and merging are in merge_views."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from crm.screens import access, board, card, listing, pages
from crm.screens.merging import undoable_merges
from objects_registry.filters import ObjectFilter
from objects_registry.forms import ObjectForm, QuickObjectForm
from objects_registry.matching import duplicate_warning
from objects_registry.models import ConstructionObject
from objects_registry.screens import SCREEN
from objects_registry.selectors import PlaceCount, places_of
from objects_registry.services import object_create


def page_context(request: HttpRequest) -> dict[str, Any]:
    """What list and board call themselves and what can be made there."""
    return {
        "heading": _("Objects"),
        "create_url": reverse("object-create") if SCREEN.may_create(request.user) else "",
        "create_label": _("New object"),
        "extra_links": [{"label": _("By place"), "icon": "map-pin", "url": _with_query("object-places", request.GET)}],
    }


def _with_query(name: str, query: QueryDict, **more: str) -> str:
    """The address of a page with the filters of the present one; where in the list one stood is left behind."""
    kept = query.copy()
    for gone in ("page", "sort", "drawer", "version", "columns"):
        kept.pop(gone, None)
    for key, value in more.items():
        kept[key] = value
    return f"{reverse(name)}?{kept.urlencode()}" if kept else reverse(name)


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
def object_places(request: HttpRequest) -> HttpResponse:
    """Objects by region and town, cut as the list was; each number opens the list of those objects."""
    user: Any = request.user
    rows = ConstructionObject.objects.visible_to(user).alive()
    found = ObjectFilter(request.GET, rows, request=request)
    regions = places_of(found.qs)
    most = max((region.count for region in regions), default=1)
    context = {
        "regions": [_region(request, region, most) for region in regions],
        "total": sum(region.count for region in regions),
        "is_cut": any(request.GET.get(name) for name in ObjectFilter.base_filters),
        "list_url": _with_query("object-list", request.GET),
    }
    return render(request, "objects_registry/places.html", context)


def _region(request: HttpRequest, region: PlaceCount, most: int) -> dict[str, Any]:
    """A region with its towns; what is not known is asked for as such."""
    here = {"region": region.name} if region.name else {"no_region": "true"}
    return {
        **_place(request, region, most, here, _("Region unknown")),
        "cities": [
            _place(
                request,
                city,
                most,
                {**here, **({"city": city.name} if city.name else {"no_city": "true"})},
                _("Town unknown"),
            )
            for city in region.cities
        ],
    }


def _place(request: HttpRequest, place: PlaceCount, most: int, here: dict[str, str], unknown: str) -> dict[str, Any]:
    return {
        "place": place,
        "label": place.name or unknown,
        "url": _with_query("object-list", request.GET, **here),
        "share": round(100 * place.count / most),
    }


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
