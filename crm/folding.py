"""Templates with their constant parts worked out once per language.

A page of ours has some two hundred translated words, icons, addresses of style sheets and of other pages, the same
for every reader; Django looks each of them up anew for every page. When a template is loaded, runs of such nodes are
folded into one that keeps its text per language. What depends on anything but the language is left as it was.
"""

from __future__ import annotations

from typing import Any

from django.template.base import FilterExpression, Node, NodeList, Template, TextNode
from django.template.context import Context
from django.template.defaulttags import CommentNode, IfNode, LoadNode, URLNode
from django.template.loaders import base, cached
from django.templatetags.i18n import TranslateNode
from django.templatetags.static import StaticNode
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from crm.templatetags.ui import IconNode


class _FoldsNew(base.Loader):
    """Folds what was read, before anybody else can have it."""

    def get_template(self, template_name: str, skip: Any = None) -> Template:
        template = super().get_template(template_name, skip)
        fold(template.nodelist)
        return template


class Loader(cached.Loader, _FoldsNew):
    """Django's cached loader over folded templates."""


class Folded(Node):
    """A run of constant nodes: rendered at first use in a language."""

    child_nodelists = ()

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.texts: dict[str | None, SafeString] = {}

    def render(self, context: Context) -> SafeString:
        language = get_language()
        text = self.texts.get(language)
        if text is None:
            text = self.texts[language] = SafeString(
                "".join(str(node.render_annotated(context)) for node in self.nodes)
            )
        return text


def fold(nodes: NodeList) -> None:
    """Fold the runs of constant nodes in the list and in all lists within it, in place."""
    found: list[Node] = []
    run: list[Node] = []
    for node in [*nodes, None]:
        if node is not None and is_constant(node):
            run.append(node)
            continue
        if any(not isinstance(item, TextNode | LoadNode | CommentNode) for item in run):
            run = [Folded(run)]
        found += run
        run = []
        if node is not None:
            for inner in _lists_within(node):
                fold(inner)
            found.append(node)
    nodes[:] = found


def is_constant(node: Node) -> bool:
    """Does the node give the same text to everybody who reads the language?"""
    match node:
        case TextNode() | CommentNode() | LoadNode():
            return True
        case TranslateNode():
            context = node.message_context
            return node.asvar is None and _is_literal(node.filter_expression) and (not context or _is_literal(context))
        case StaticNode():
            return node.varname is None and _is_literal(node.path)
        case IconNode():
            return _is_literal(node.name) and (node.css is None or _is_literal(node.css))
        case URLNode():
            return node.asvar is None and not node.args and not node.kwargs and _is_literal(node.view_name)
    return False


def _is_literal(expression: FilterExpression) -> bool:
    """A quoted word, with no filter upon it."""
    variable: Any = expression.var
    return not expression.filters and (isinstance(variable, str) or getattr(variable, "lookups", "") is None)


def _lists_within(node: Node) -> list[NodeList]:
    if isinstance(node, IfNode):
        return [inner for _condition, inner in node.conditions_nodelists]
    found = (getattr(node, name, None) for name in node.child_nodelists)
    return [inner for inner in found if isinstance(inner, NodeList)]
