"""A board: one query counts and sums its columns, one brings the first cards of all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Sum, prefetch_related_objects
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from crm import clock, norms, pipelines, stages
from crm.keys import key_in
from crm.links import link
from crm.models import Pipeline, Stage
from crm.screens import access, listing
from crm.screens.dialogs import is_partial
from crm.screens.light import light
from crm.screens.registry import Screen
from crm.templatetags.cards import board_cards
from crm.templatetags.ui import duration

CARDS = 20
# The index of every kind of record gives this order within a stage without sorting.
ORDER = ("-stage_entered_at", "-pk")


def board_context(request: HttpRequest, screen: Screen) -> dict[str, Any] | None:
    """What a board page shows; None when the reader works in no pipeline of this kind."""
    user: Any = request.user
    pipeline = listing.pipeline_of(request, screen)
    if pipeline is None:
        return None
    found, rows = rows_of(request, screen, pipeline)
    row = pipelines.stages_of(pipeline.code)
    columns = _columns(request, screen, rows, [stage for stage in row if stage.is_open], user)
    for column in columns:
        targets = stages.allowed_by_machine(column["stage"], row, user)
        column["targets"] = " ".join(stage.code for stage in targets)
    active = list(listing.chips(request, found, screen))
    query = listing.query_string(request, without=("page",))
    return {
        "screen": screen,
        "pipeline": pipeline,
        "board_columns": columns,
        "board_ends": [stage for stage in row if stage.kind in {Stage.Kind.SUCCESS, Stage.Kind.NEUTRAL}],
        "board_can_refuse": any(stage.is_failure for stage in row),
        "board_url": f"{request.path}?{query}" if query else request.path,
        "board_version": _version(columns),
        "found_total": sum(column["count"] for column in columns),
        "reset_url": listing.reset_url(request, screen),
        **listing.filter_context(request, screen, found, active, shown_pipeline=pipeline.code),
    }


def board_answer(request: HttpRequest, screen: Screen, template: str, extra: dict[str, Any]) -> HttpResponse:
    """The board's page, its columns for a refresh (204 when nothing is new), or further cards of one column."""
    if "column" in request.GET:
        return more_cards(request, screen)
    if (elsewhere := listing.opening(request, screen)) is not None:
        return elsewhere
    context = board_context(request, screen)
    if context is None:
        return render(request, template, {"screen": screen, **extra})
    if is_partial(request) and "version" in request.GET:
        if request.GET["version"] == context["board_version"]:
            return HttpResponse(status=204)
        return render(request, "components/board.html#columns", context)
    return render(request, template, {**context, **extra})


def more_cards(request: HttpRequest, screen: Screen) -> HttpResponse:
    """The next cards of one column, after the card `before` (the last one shown).

    Opened as a page of its own (a new tab, no scripts) it is the list of the column's records.
    """
    user: Any = request.user
    pipeline = listing.pipeline_of(request, screen)
    stage = next(
        (s for s in pipelines.stages_of(pipeline.code) if s.code == request.GET.get("column"))
        if pipeline
        else iter(()),
        None,
    )
    before = key_in(request.GET.get("before", ""))
    if pipeline is None or stage is None or before is None:
        return HttpResponse(status=404)
    if not is_partial(request):
        query = listing.query_string(request, without=("column", "before", "page"), stage=stage.key)
        return HttpResponseRedirect(f"{reverse(f'{screen.record_type}-list')}?{query}")
    rows = rows_of(request, screen, pipeline)[1].filter(stage=stage.key)
    last = screen.model._default_manager.filter(pk=before).values_list("stage_entered_at", flat=True).first()
    if last is not None:
        rows = rows.filter(Q(stage_entered_at__lt=last) | Q(stage_entered_at=last, pk__lt=before))
    found = list(light(screen, rows.order_by(*ORDER))[: CARDS + 1])
    cards = _cards(screen, found[:CARDS], user)
    more = _more_url(request, stage, cards[-1]["id"]) if len(found) > CARDS else ""
    return render(request, "crm/board_more.html", {"cards": cards, "more_url": more})


def rows_of(request: HttpRequest, screen: Screen, pipeline: Pipeline) -> tuple[Any, Any]:
    """The filter of the board and the records it leaves in this pipeline."""
    query = request.GET.copy()
    for name in ("pipeline", "kind", "sort", "page"):
        query.pop(name, None)
    rows = screen.model._default_manager.visible_to(request.user).alive()  # type: ignore[attr-defined]
    found = listing.filtered(request, screen, query, rows.filter(pipeline=pipeline.code))
    return found, found.qs


def _columns(request: HttpRequest, screen: Screen, rows: Any, row: list[Stage], user: User) -> list[dict[str, Any]]:
    figures = _figures(screen, rows, row)
    cards: dict[str, list[dict[str, Any]]] = {stage.key: [] for stage in row}
    busy = [stage for stage in row if figures.get(stage.key, {}).get("count")]
    for card in _cards(screen, _first(screen, rows, busy), user):
        cards[card["stage_key"]].append(card)
    create_url = reverse(f"{screen.record_type}-create") if screen.may_create(user) else ""
    made = []
    for stage in row:
        figure = figures.get(stage.key, {})
        count, shown = figure.get("count", 0), cards[stage.key]
        made.append(
            {
                "stage": stage,
                "count": count,
                "sum": (figure.get("sum") or 0) if screen.has_amount else None,
                "overdue": figure.get("overdue", 0),
                "cards": shown,
                "html": board_cards(shown),
                "more_url": _more_url(request, stage, shown[-1]["id"]) if count > len(shown) and shown else "",
                "create_url": f"{create_url}?pipeline={stage.pipeline_id}" if create_url and stage.is_start else "",
            }
        )
    return made


def _figures(screen: Screen, rows: Any, row: list[Stage]) -> dict[str, dict[str, Any]]:
    """Count, sum and overdue of every column: one GROUP BY."""
    wanted: dict[str, Any] = {
        "count": Count("pk"),
        "overdue": Count("pk", filter=Q(next_activity_at__lt=clock.now())),
    }
    if screen.has_amount:
        wanted["sum"] = Sum("amount")
    grouped = rows.filter(stage__in=[stage.key for stage in row]).order_by().values("stage").annotate(**wanted)
    return {figure["stage"]: figure for figure in grouped}


def _first(screen: Screen, rows: Any, row: list[Stage]) -> list[Any]:
    """The first cards of all columns in one query.

    A window function would number every record of the pipeline; so each column takes its own first few by the
    index (pipeline, stage, -stage_entered_at), and the union of those keys is what is read.
    """
    if not row:
        return []
    parts, values = [], []
    for number, stage in enumerate(row):
        piece = rows.filter(stage=stage.key).order_by(*ORDER).values("pk")[:CARDS]
        sql, params = piece.query.sql_with_params()
        parts.append(f"SELECT * FROM ({sql}) AS column_{number}")  # noqa: S608 - no text of anybody is in it
        values.extend(params)
    keys = RawSQL(" UNION ALL ".join(parts), values)  # noqa: S611 - compiled by the ORM, values stay parameters
    model_rows = screen.model._default_manager.filter(pk__in=keys)
    return list(light(screen, model_rows.order_by(*ORDER)))


def _cards(screen: Screen, rows: Iterable[Any], user: User) -> list[dict[str, Any]]:
    found = list(rows)
    if screen.column("tags") is not None:
        prefetch_related_objects(found, "tags")
    may = access.within_reach("move", screen.model, [row.pk for row in found], user)
    now = clock.now()
    return [_card(screen, row, row.pk in may, now) for row in found]


def _card(screen: Screen, row: Any, may_move: bool, now: datetime) -> dict[str, Any]:
    """A card as components/board_card.html reads it."""
    stage = row.stage_row
    stood = now - row.stage_entered_at
    name = screen.record_type
    return {
        "id": row.pk,
        "url": row.get_absolute_url(),
        "title": str(row),
        "days": duration(stood),
        "stale": norms.is_over(stage, row.stage_entered_at, now),
        "next_step": row.next_activity_title,
        "next_due": row.next_activity_at,
        "next_overdue": row.next_activity_at is not None and row.next_activity_at < now,
        "responsible": row.responsible,
        "stage_key": row.stage,
        "move_url": link(f"{name}-move", row.pk) if may_move else "",
        "refuse_url": link(f"{name}-refuse", row.pk) if may_move else "",
        **screen.board_card(row),
    }


def _more_url(request: HttpRequest, stage: Stage, last_id: int) -> str:
    query = listing.query_string(request, without=("page", "before"), column=stage.code, before=str(last_id))
    return f"{request.path}?{query}"


def _version(columns: list[dict[str, Any]]) -> str:
    """Changes when anything that is drawn on the board does."""
    seen = hashlib.blake2b(digest_size=8)
    for column in columns:
        seen.update(repr((column["stage"].name, column["count"], column["sum"], column["overdue"])).encode())
        seen.update(column["html"].encode())
    return seen.hexdigest()


def nothing_here(user: User) -> str:
    """Why a board may be missing altogether."""
    return _("Your role works in no pipeline of this kind.") if not user.is_head else _("There is no pipeline yet.")
