"""The page of a pipeline's diagram: the drawing, the same as a table, and what is wrong with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from automation.graph_drawing import draw
from automation.models import Rule
from automation.pipeline_graph import Graph, Node, graph_of, moves_in_words
from automation.wording import what_it_does, when_it_runs
from crm import pipeline_check
from crm.models import Stage
from crm.views.settings_nav import settings_page
from crm.views.settings_pipelines import find_pipeline, page_context


@settings_page
@require_safe
def settings_graph(request: HttpRequest, code: str) -> HttpResponse:
    """A pipeline as a diagram with its check."""
    user: Any = request.user
    pipeline = find_pipeline(code)
    graph = graph_of(pipeline, user)
    context = {
        **page_context(request, pipeline, "graph"),
        "graph": graph,
        "drawing": draw(graph),
        "groups": [
            {"label": label, "rows": [_row(node, graph) for node in graph.nodes if node.stage.kind == kind]}
            for kind, label in Stage.Kind.choices
        ],
        "everywhere": [_rule(rule) for rule in graph.everywhere],
        "explained": pipeline_check.explained(),
    }
    return render(request, "automation/graph.html", context)


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
