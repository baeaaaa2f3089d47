"""Where the parts of a pipeline's diagram stand: a narrow drawing, so that a phone shows it at the same size.

Open stages go down on the left, joined in their order; results stand on the right under the name of their kind. The
template draws it as SVG; colours come from the style sheet. Units are those of the drawing, about a pixel each.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from automation.models import Rule
from automation.pipeline_graph import Graph, Node, robot_target
from crm.models import Stage
from crm.templatetags import ui

WIDTH = 360
OPEN_X, OPEN_WIDTH, OPEN_LETTERS = 34, 184, 21
END_X, END_WIDTH, END_LETTERS = 246, 112, 13
LANE_X = 232
LINE, PAD, GAP = 16, 8, 22
KINDS = ("next", "win", "robot")


@dataclass(frozen=True)
class Line:
    """One line of text."""

    x: int
    y: int
    text: str


@dataclass(frozen=True)
class Box:
    """A stage as it is drawn."""

    stage: Stage
    x: int
    y: int
    width: int
    height: int
    name: list[Line]
    note: Line | None
    cards: int
    is_faulty: bool

    @property
    def middle(self) -> int:
        """Its height in the drawing."""
        return self.y + self.height // 2

    @property
    def cards_at(self) -> tuple[int, int]:
        """Where the number of its records stands: after the name, or below it where the box is narrow."""
        return self.x + self.width - PAD, self.y + (PAD + 11 if self.stage.is_open else self.height - PAD)


@dataclass(frozen=True)
class Arrow:
    """A path with a head, of one of KINDS."""

    kind: str
    path: str


@dataclass
class Drawing:
    """All of it."""

    height: int = 0
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    headings: list[Line] = field(default_factory=list)
    width: int = WIDTH
    kinds: tuple[str, ...] = KINDS


def draw(graph: Graph) -> Drawing:
    """Lay out a pipeline."""
    made = Drawing()
    faulty = {key for finding in graph.findings if not finding.is_hint for key in finding.stages}
    opened = [node for node in graph.nodes if node.stage.is_open]
    y = PAD
    for node in opened:
        box = _box(node, OPEN_X, y, OPEN_WIDTH, OPEN_LETTERS, node.stage.key in faulty)
        made.boxes.append(box)
        y += box.height + GAP
    bottom = _draw_ends(made, graph, faulty)
    by_key = {box.stage.key: box for box in made.boxes}
    _join(made, [by_key[node.stage.key] for node in opened])
    _win(made, graph, by_key)
    _robots(made, graph, by_key)
    made.height = max(y - GAP, bottom) + PAD
    return made


def _box(node: Node, x: int, y: int, width: int, letters: int, is_faulty: bool) -> Box:
    # The number of records takes the end of the first line.
    wrapped = textwrap.wrap(node.stage.name, letters, max_lines=3, placeholder="…") or [node.stage.code]
    name = [Line(x + PAD, y + PAD + 11 + LINE * number, text) for number, text in enumerate(wrapped)]
    note = _note(node) if node.stage.is_open else ""
    height = 2 * PAD + LINE * (len(wrapped) + (bool(note) or not node.stage.is_open)) - 2
    at = Line(x + PAD, y + PAD + 11 + LINE * len(wrapped), note) if note else None
    return Box(node.stage, x, y, width, height, name, at, node.cards, is_faulty)


def _note(node: Node) -> str:
    """Median time and robots under the name."""
    parts = []
    if node.median_seconds is not None:
        parts.append(ui.duration(timedelta(seconds=float(node.median_seconds))))
    if active := sum(rule.is_active for rule in node.rules):
        parts.append(ngettext("%(count)s robot", "%(count)s robots", active) % {"count": active})
    if node.stage.returns_anywhere:
        parts.append(_("to any"))
    return " · ".join(parts)


def _draw_ends(made: Drawing, graph: Graph, faulty: set[str]) -> int:
    """The results on the right: success, then what is neither, then the refusals."""
    y = PAD
    titles = {
        Stage.Kind.SUCCESS: _("Success"),
        Stage.Kind.NEUTRAL: _("Neither: from any open"),
        Stage.Kind.FAILURE: _("Refusal: from any open"),
    }
    for kind, title in titles.items():
        nodes = [node for node in graph.nodes if node.stage.kind == kind]
        if not nodes:
            continue
        for text in textwrap.wrap(title, END_LETTERS + 2):
            made.headings.append(Line(END_X, y + 10, text))
            y += 14
        y += 3
        for node in nodes:
            box = _box(node, END_X, y, END_WIDTH, END_LETTERS, node.stage.key in faulty)
            made.boxes.append(box)
            y += box.height + 6
        y += 14
    return y - 20


def _join(made: Drawing, opened: list[Box]) -> None:
    """One after the other."""
    for first, second in pairwise(opened):
        x = OPEN_X + OPEN_WIDTH // 2
        made.arrows.append(Arrow("next", f"M{x} {first.y + first.height}V{second.y - 2}"))


def _win(made: Drawing, graph: Graph, by_key: dict[str, Box]) -> None:
    """From the stages that success may follow."""
    goals = [by_key[node.stage.key] for node in graph.nodes if node.stage.kind == Stage.Kind.SUCCESS]
    for node in graph.nodes:
        if not node.stage.is_open or not node.stage.can_win:
            continue
        start = by_key[node.stage.key]
        for goal in goals:
            x = start.x + start.width
            made.arrows.append(Arrow("win", f"M{x} {start.middle}H{LANE_X}V{goal.middle}H{END_X - 2}"))


def _moves_from(rule: Rule) -> bool:
    return rule.is_active and rule.trigger != Rule.Trigger.STAGE_LEFT


def _robots(made: Drawing, graph: Graph, by_key: dict[str, Box]) -> None:
    """Robots that take a record from one open stage to another, bent the more the further they go."""
    ways = {(node.stage.key, robot_target(rule)) for node in graph.nodes for rule in node.rules if _moves_from(rule)}
    for source, target in sorted(ways):
        goal = by_key.get(target)
        if goal is None or not goal.stage.is_open or source == target:
            continue
        start, end = by_key[source].middle, goal.middle + 6
        bend = OPEN_X - min(32, 14 + abs(end - start) // 10)
        made.arrows.append(Arrow("robot", f"M{OPEN_X} {start}C{bend} {start} {bend} {end} {OPEN_X - 2} {end}"))
