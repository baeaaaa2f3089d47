"""The page of a pipeline's diagram: the drawing, the same as a table, and what is wrong with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from automation.graph_drawing import draw
from automation.models import Rule
from automation.pipeline_graph import Graph, Node, graph_of, moves_in_words
from automation.wording import what_it_does, when_it_runs
from crm import pipeline_check
from crm.errors import InvalidInput
from crm.models import Stage
from crm.views.settings_nav import settings_page
from crm.views.settings_pipelines import find_pipeline, page_context


@settings_page
@require_safe
def settings_graph(request: HttpRequest, code: str) -> HttpResponse:
    """A pipeline as a diagram with its check."""
    user: Any = request.user
    pipeline = find_pipeline(code)
    try:
        days = pipeline_check.read_days(request.GET.get("days", ""))
    except InvalidInput:
        days = pipeline_check.LOOK_BACK
    graph = graph_of(pipeline, user, days)
    context = {
        **page_context(request, pipeline, "graph"),
        "graph": graph,
        "drawing": draw(graph),
        "days": days,
        "spans": [(number, _span_name(number)) for number in pipeline_check.LOOK_BACKS],
        "groups": [
            {"label": label, "rows": [_row(node, graph) for node in graph.nodes if node.stage.kind == kind]}
            for kind, label in Stage.Kind.choices
        ],
        "everywhere": [_rule(rule) for rule in graph.everywhere],
        "explained": pipeline_check.explained(days),
    }
    return render(request, "automation/graph.html", context)


def _span_name(days: int) -> str:
    if days % 365:
        return ngettext("%(count)s day", "%(count)s days", days) % {"count": days}
    return ngettext("%(count)s year", "%(count)s years", days // 365) % {"count": days // 365}


def _row(node: Node, graph: Graph) -> dict[str, Any]:
    stages = [other.stage for other in graph.nodes]
    return {
        "stage": node.stage,
        "cards": node.cards,
        "cards_url": f"{reverse(f'{graph.pipeline.record_type}-list')}?stage={node.stage.key}",
        "median": None if node.median_seconds is None else timedelta(seconds=float(node.median_seconds)),
        "left": node.stays.count if node.stays else 0,
        "moves": moves_in_words(node.stage, node.moves, stages),
        "head_moves": moves_in_words(node.stage, node.head_moves, stages),
        "rules": [_rule(rule) for rule in node.rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {"rule": rule, "when": when_it_runs(rule), "what": what_it_does(rule)}
