"""A list of records: the filter as this reader may use it, order, chips, one page, what can be done with rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Role, User
from crm import clock, pipelines, saved_views, stages, trash
from crm.filters import INTERNAL
from crm.http import paginate
from crm.models import Pipeline, RecordType, SavedView
from crm.people import colleagues
from crm.screens import access, registry
from crm.screens.dialogs import is_partial
from crm.screens.light import light
from crm.screens.merging import TITLES, merge_action
from crm.screens.registry import Column, Screen
from crm.tags import tags_of

ALL = "all"
# A query that names one of these says itself which rows it means: no pipeline is presumed.
SELF_SUFFICIENT = frozenset(
    {"pipeline", "stage", "id", "reached", "lost_from", "contact", "company", "object", "mother"}
)
NOT_FILTERS = frozenset({"sort", "page", "version", "before", "column", "columns", "view", "drawer", "shown"})
# A table with more columns than this scrolls sideways in a box of its own.
WIDE = 5


def pipeline_of(request: HttpRequest, screen: Screen) -> Pipeline | None:
    """The pipeline that a board shows: the one asked for if the reader works in it, else their first."""
    offered = stages.visible_pipelines(screen.record_type, request.user)
    wanted = request.GET.get("pipeline", "")
    return next((p for p in offered if p.code == wanted), offered[0] if offered else None)


def query_of(request: HttpRequest, screen: Screen) -> QueryDict:
    """The filter's query: as asked, with the reader's first pipeline where none is meant."""
    query = request.GET.copy()
    if query.getlist("pipeline") == [ALL]:
        query.pop("pipeline")
    elif not SELF_SUFFICIENT & query.keys():
        offered = stages.visible_pipelines(screen.record_type, request.user)
        if len(offered) > 1:
            query["pipeline"] = offered[0].code
    return query


def with_query(request: HttpRequest, query: str) -> Any:
    """The same request as if it had asked with another query: the list that a card or a selection came from."""
    twin: Any = copy(request)
    twin.GET = QueryDict(query, mutable=True)
    return twin


def filtered(
    request: HttpRequest, screen: Screen, query: QueryDict | None = None, rows: Any = None, *, every: bool = False
) -> Any:
    """The FilterSet of the list over what the reader may see, with only the choices they may know of.

    Its form has the fields that the query names; with `every` all of them, to be drawn.
    """
    if rows is None:
        rows = screen.model._default_manager.visible_to(request.user).alive()  # type: ignore[attr-defined]
    asked = query if query is not None else query_of(request, screen)
    found = screen.filter_class(asked, rows, request=request, every=every or "drawer" in request.GET)
    narrow(found.form, screen, request.user)  # type: ignore[arg-type]
    return found


def narrow(form: forms.Form, screen: Screen, user: User) -> None:
    """Leave in the filter's choices only the stages, pipelines and people of the reader's own world."""
    offered = stages.visible_pipelines(screen.record_type, user)
    fields: Any = form.fields
    if by_stage := {"stage", "reached", "lost_from"} & fields.keys():
        choices = stage_choices(offered)
        for name in by_stage:
            fields[name].choices = choices if name == "stage" else [("", _("Any")), *choices]
    for field in fields.values():
        if isinstance(field, forms.NullBooleanField):
            field.widget = forms.Select(choices=[("", _("Any")), ("true", _("yes")), ("false", _("no"))])
    if "pipeline" in fields:
        fields["pipeline"].choices = [(pipeline.code, pipeline.name) for pipeline in offered]
    if "responsible" in fields:
        fields["responsible"].queryset = colleagues(user)
    if "tag" in fields:
        fields["tag"].queryset = tags_of(user)
    if user.is_partner:
        for name in INTERNAL:
            fields.pop(name, None)


def stage_choices(offered: list[Pipeline]) -> list[tuple[str, str]]:
    """The stages of the pipelines; the pipeline's name follows where there are several."""
    names = {pipeline.code: pipeline.name for pipeline in offered}
    own = [stage for stage in pipelines.all_stages() if stage.pipeline_id in names]
    if len(offered) < 2:
        return [(stage.key, stage.name) for stage in own]
    return [(stage.key, f"{stage.name} · {names[stage.pipeline_id]}") for stage in own]


def ordered(request: HttpRequest, screen: Screen, rows: QuerySet[Any]) -> QuerySet[Any]:
    """In the order asked for, if a column sorts so; ties always fall in one order, so that pages do not overlap."""
    asked = request.GET.get("sort", "")
    key, down = asked.lstrip("-"), asked.startswith("-")
    column = next((column for column in screen.columns if column.key == key and column.sort), None)
    if column is None:
        return rows.order_by(*screen.default_sort)
    turned = [("-" + name.lstrip("-")) if down != name.startswith("-") else name.lstrip("-") for name in column.sort]
    return rows.order_by(*turned, "-id" if down else "id")


def active_view(request: HttpRequest, screen: Screen) -> SavedView | None:
    """The named view that the address is about; it may have been changed since."""
    user: Any = request.user
    asked, query = request.GET.get("view", ""), query_string(request, without=("page", "view", "columns"))
    views = saved_views.known_views(user, screen.record_type)
    if asked:
        return next((view for view in views if str(view.pk) == asked), None)
    return next((view for view in views if view.query == query), None) if query else None


def columns_of(request: HttpRequest, screen: Screen) -> list[Column]:
    """The columns of a list as this reader has them: those of the address, of the view, chosen before, the usual.

    The first column, the record's name, always stands first.
    """
    user: Any = request.user
    asked, known = request.GET.get("columns", ""), screen.columns_for(user)
    if asked == ALL:
        return [column for column in known if not column.only_list]
    keys = asked.split(",") if asked else saved_views.columns_of(user, screen.record_type, active_view(request, screen))
    keys = keys or [column.key for column in known if column.shown]
    by_key = {column.key: column for column in known}
    found = [by_key[key] for key in dict.fromkeys(keys) if key in by_key]
    return [screen.main, *(column for column in found if column is not screen.main)]


def opening(request: HttpRequest, screen: Screen) -> HttpResponse | None:
    """Where a list or board without any query goes: to the view that opens first for the reader, if there is one."""
    user: Any = request.user
    if request.GET or getattr(request, "htmx", False):
        return None
    view = saved_views.default_view(user, screen.record_type)
    return HttpResponseRedirect(f"{request.path}?{view_query(view)}") if view is not None else None


def view_query(view: SavedView) -> str:
    """The query of a view with its name in it, so that a changed one is still known."""
    return f"view={view.pk}&{view.query}" if view.query else f"view={view.pk}"


def list_answer(request: HttpRequest, screen: Screen, extra: dict[str, Any]) -> HttpResponse:
    """A list's page, or its rows alone under htmx."""
    if (elsewhere := opening(request, screen)) is not None:
        return elsewhere
    template = "crm/record_list.html#rows" if is_partial(request) else "crm/record_list.html"
    context = {**list_context(request, screen), **extra}
    context["bulk_actions"] = [*context["bulk_actions"], *extra.get("more_actions", ())]
    return render(request, template, context)


def list_context(request: HttpRequest, screen: Screen) -> dict[str, Any]:
    """Everything a list page shows; its template adds the cells."""
    user: Any = request.user
    found = filtered(request, screen)
    columns = columns_of(request, screen)
    page = paginate(request, light(screen, ordered(request, screen, found.qs), columns))
    access.mark_reach(screen.model, page, user)
    active = list(chips(request, found, screen))
    return {
        "screen": screen,
        "page": page,
        "now": clock.now(),
        "columns": [column.as_head() for column in columns],
        "row_columns": columns,
        "found_total": 0 if page.is_capped else page.count,
        "bulk_actions": bulk_actions(screen, user),
        "duplicates_url": reverse(f"{screen.record_type}-duplicates") if _may_merge(screen, user) else "",
        "reset_url": reset_url(request, screen),
        "export_url": f"{reverse(f'{screen.record_type}-export')}?{query_string(request, without=('page', 'columns'))}",
        "shown_columns": ",".join(column.key for column in columns),
        "is_wide": len(columns) > WIDE,
        **filter_context(request, screen, found, active),
    }


def filter_context(
    request: HttpRequest,
    screen: Screen,
    found: Any,
    active: list[dict[str, str]],
    *,
    shown_pipeline: str | None = None,
) -> dict[str, Any]:
    """The filter bar of a list or a board: drawer, chips, switches; what has no control is kept as it is.

    The controls of the drawer take as long to draw as the rows, and few open it: they are fetched when it is opened.
    """
    form = found.form
    pairs = [
        (name, value)
        for name, values in request.GET.lists()
        if name not in {"search", "page", "version", "drawer"}
        for value in values
    ]
    in_drawer = set(screen.drawer) & form.fields.keys()
    drawer_query = query_string(
        request, without=("page", "drawer"), **({"shown": shown_pipeline} if shown_pipeline else {})
    )
    return {
        "filter": found,
        "search": form.data.get("search", "") if form.is_bound else "",
        # Without scripts the page comes with its drawer filled; with them it is filled when it is opened.
        "drawer": drawer_fields(request, screen, form, shown_pipeline) if "drawer" in request.GET else [],
        "drawer_pairs": [pair for pair in pairs if pair[0] in in_drawer],
        "drawer_url": f"{reverse(f'{screen.record_type}-filter')}?{drawer_query}",
        "drawer_page": f"?{query_string(request, without=('page',), drawer='open')}",
        "keep_pairs": [pair for pair in pairs if pair[0] not in in_drawer],
        "chips": active,
        "filter_count": len({chip["name"] for chip in active}),
        "view_switch": view_switch(request, screen),
        "pipeline_switch": pipeline_switch(request, screen),
        **saved_context(request, screen),
    }


def drawer_fields(request: HttpRequest, screen: Screen, form: forms.Form, shown_pipeline: str | None) -> list[Any]:
    """The controls of the filter."""
    compact(form, [shown_pipeline] if shown_pipeline else query_of(request, screen).getlist("pipeline"))
    return [form[name] for name in screen.drawer if name in form.fields]


@login_required
@require_safe
def filter_drawer(request: HttpRequest, record_type: str) -> HttpResponse:
    """The controls of a list's filter, filled as its address says; `shown` is the pipeline of a board."""
    screen = registry.of(record_type)
    found = filtered(request, screen, every=True)
    shown = request.GET.get("shown", "")
    context = {"drawer": drawer_fields(request, screen, found.form, shown or None)}
    return render(request, "crm/filter_fields.html", context)


def saved_context(request: HttpRequest, screen: Screen) -> dict[str, Any]:
    """The named views of this list, what can be done with each, and the address that keeps the present one."""
    user: Any = request.user
    name, query = screen.record_type, query_string(request, without=("page",))
    active, default = active_view(request, screen), saved_views.default_view(user, name)
    here = query_string(request, without=("page", "view", "columns"))
    on_board = bool(request.resolver_match and request.resolver_match.url_name == f"{name}-board")
    home = reverse(f"{name}-board" if on_board else f"{name}-list")
    views = []
    for view in saved_views.known_views(user, name):
        mine = view.owner_id == user.pk or (user.is_head and view.is_shared)
        views.append(
            {
                "label": view.name,
                "url": f"{home}?{view_query(view)}",
                "active": view == active,
                "shared": view.is_shared,
                "first": view == default,
                "first_url": reverse(f"{name}-view-first", args=[view.pk]),
                "edit_url": reverse(f"{name}-view-edit", args=[view.pk]) if mine else "",
                "delete_url": reverse(f"{name}-view-delete", args=[view.pk]) if mine else "",
            }
        )
    owned = active is not None and (active.owner_id == user.pk or (user.is_head and active.is_shared))
    return {
        "saved_views": views,
        "active_view": active,
        "view_changed": active is not None and active.query != here,
        "update_view_url": f"{reverse(f'{name}-view-update', args=[active.pk])}?{query}" if active and owned else "",
        "save_view_url": f"{reverse(f'{name}-view-save')}?{query}",
        "columns_url": f"{reverse(f'{name}-columns')}?{query}",
    }


def compact(form: forms.Form, shown_pipelines: list[str]) -> None:
    """How the drawer shows the choices: boxes to tick, and only the stages of the pipelines shown."""
    fields: Any = form.fields
    if "stage" in fields and shown_pipelines:
        fields["stage"].choices = [
            (key, label.partition(" · ")[0] if len(shown_pipelines) == 1 else label)
            for key, label in fields["stage"].choices
            if key.rsplit(":", 1)[0] in shown_pipelines
        ]
    for field in fields.values():
        if isinstance(field, forms.MultipleChoiceField | forms.ModelMultipleChoiceField):
            field.widget = forms.CheckboxSelectMultiple()
            field.widget.choices = field.choices


def view_switch(request: HttpRequest, screen: Screen) -> list[dict[str, Any]]:
    """List or board; the filter goes along."""
    query = query_string(request, without=("page", "version"))
    here = request.resolver_match.url_name if request.resolver_match else ""
    made = []
    for kind, label, sign in (("board", _("Board"), "layout-kanban"), ("list", _("List"), "list")):
        name = f"{screen.record_type}-{kind}"
        url = reverse(name)
        made.append({"label": label, "icon": sign, "active": here == name, "url": f"{url}?{query}" if query else url})
    return made


def pipeline_switch(request: HttpRequest, screen: Screen) -> list[dict[str, Any]]:
    """The directions of this kind of record, when the reader works in more than one."""
    offered = stages.visible_pipelines(screen.record_type, request.user)
    if len(offered) < 2:
        return []
    here = query_of(request, screen).getlist("pipeline")
    on_board = bool(request.resolver_match and request.resolver_match.url_name == f"{screen.record_type}-board")
    present = pipeline_of(request, screen)
    made = [
        {
            "label": pipeline.name,
            "url": f"?{query_string(request, without=('page', 'stage'), pipeline=pipeline.code)}",
            "active": present == pipeline if on_board else here == [pipeline.code],
        }
        for pipeline in offered
    ]
    if not on_board:
        url = f"?{query_string(request, without=('page',), pipeline=ALL)}"
        made.append({"label": _("All"), "url": url, "active": not here})
    return made


def chips(request: HttpRequest, found: Any, screen: Screen | None = None) -> Iterator[dict[str, str]]:
    """The filters in force, each with the address of the list without it."""
    form = found.form
    bare = bare_query(request, screen) if screen is not None else ""
    form.is_valid()
    for name, field in form.fields.items():
        if name == "pipeline" or name not in request.GET or name not in form.cleaned_data:
            continue
        value = form.cleaned_data[name]
        if value is None or value in ("", []):
            continue
        parts = list(value) if isinstance(value, list | tuple | QuerySet) else [value]
        for part in parts:
            yield {
                "name": name,
                "label": str(field.label or name),
                "value": _shown(field, part),
                "url": f"?{_without(request, name, part, last=len(parts) == 1) or bare}",
            }


def _shown(field: forms.Field, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return f"{value:%d.%m.%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    for code, label in getattr(field, "choices", ()) if not isinstance(value, Model) else ():
        if str(code) == str(value):
            return str(label)
    return str(value)


def _without(request: HttpRequest, name: str, part: Any, *, last: bool) -> str:
    query = request.GET.copy()
    query.pop("page", None)
    gone = str(part.pk if isinstance(part, Model) else part)
    rest = [] if last else [value for value in query.getlist(name) if value != gone]
    query.setlist(name, rest)
    return query.urlencode()


def query_string(request: HttpRequest, *, without: tuple[str, ...] = (), **more: str) -> str:
    """The query of this page with some parameters taken out and some set; empty ones are dropped."""
    query = request.GET.copy()
    for name in (*without, "version", "drawer", "shown"):
        query.pop(name, None)
    for name, value in more.items():
        query[name] = value
    for name in list(query):
        query.setlist(name, [value for value in query.getlist(name) if value != ""])
    return query.urlencode()


def bare_query(request: HttpRequest, screen: Screen) -> str:
    """What stands for "no filter" in the address: nothing, unless that would open the reader's first view."""
    user: Any = request.user
    return "view=0" if saved_views.default_view(user, screen.record_type) is not None else ""


def reset_url(request: HttpRequest, screen: Screen) -> str:
    """This page without its filters: direction and order stay."""
    kept = {name: request.GET[name] for name in ("pipeline", "sort") if request.GET.get(name)}
    query = QueryDict(mutable=True)
    query.update(kept)
    text = query.urlencode() or bare_query(request, screen)
    return f"{request.path}?{text}" if text else request.path


def has_directions(record_type: str, user: User) -> bool:
    """Can records of the kind change over to another pipeline in which the person works?"""
    own = [row for row in stages.visible_pipelines(record_type, user) if not row.is_partner]
    return record_type == RecordType.DEAL and len(own) > 1


def _may_merge(screen: Screen, user: User) -> bool:
    return bool(user.is_head and screen.record_type in TITLES)


def bulk_actions(screen: Screen, user: User) -> list[Mapping[str, Any]]:
    """What can be done with the selected rows; heads merge them."""
    merge = [merge_action(screen.record_type)] if _may_merge(screen, user) else []
    offered = [
        ("move", _("Move to…"), "arrow-right"),
        ("direction", _("Another pipeline…"), "arrows-split"),
        ("assign", _("Change the responsible"), "user-check"),
        ("tag", _("Tags…"), "tag"),
        ("export", _("Export"), "file-export"),
        ("delete", _("Delete"), "trash"),
    ]
    hidden = set() if trash.may_delete(user) else {"delete"}
    may_switch = has_directions(screen.record_type, user)
    hidden |= set() if may_switch else {"direction"}
    hidden |= set() if screen.column("tags") else {"tag"}
    # Who controls the partners moves their records and changes nothing else of them.
    hidden |= {"assign", "tag", "delete"} if user.role == Role.PARTNER_CONTROL else set()
    made = [
        {
            "name": name,
            "label": label,
            "icon": sign,
            "url": reverse(f"{screen.record_type}-bulk-{name}"),
            "danger": name == "delete",
        }
        for name, label, sign in offered
        if name not in hidden
    ]
    place = 3 if may_switch else 2
    return [*made[:place], *merge, *made[place:]]
