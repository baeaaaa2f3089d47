"""Constant parts of templates: the same text as without folding, in each language; nothing else is kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.template import Context, Engine, Template, engines
from django.utils.translation import override

from crm.folding import Folded, fold

SOURCE = (
    '{% load i18n static ui %}<p>{% translate "Deals" %}{% icon "plus" %}<b>{{ name }}</b>'
    '{% for row in rows %}{% translate "Leads" %}{{ row }}{% empty %}{% translate "Tasks" %}{% endfor %}'
    '{% if name %}{% translate "Stage" %}{% else %}{% translate "Phone" %}{% endif %}'
    '{% translate "Source" as word %}{{ word }}{% url "task-list" %}{% translate name %}{{ _("Open") }}</p>'
)


def made(source: str = SOURCE) -> Template:
    engine: Engine = engines["django"].engine
    return Template(source, engine=engine)


@pytest.mark.parametrize("values", [{"name": "<Анна>", "rows": [1, 2]}, {"name": "", "rows": []}])
def test_the_text_is_the_same_in_each_language_and_for_other_values(values: dict[str, Any]) -> None:
    usual, folded = made(), made()
    fold(folded.nodelist)
    for _time in range(2):
        for language in ("ru", "en", "ru"):
            with override(language):
                assert folded.render(Context(values)) == usual.render(Context(values))


def test_only_what_depends_on_the_language_alone_is_folded() -> None:
    template = made("{% load i18n ui %}{% icon name %}{% translate name %}{% url 'deal-detail' 1 %}{{ name }}")
    fold(template.nodelist)
    assert not template.nodelist.get_nodes_by_type(Folded)


def test_pages_of_the_product_are_folded() -> None:
    template: Any = engines["django"].get_template("base.html")
    assert template.template.nodelist.get_nodes_by_type(Folded)
