"""Whatever the product says, it says in Russian too."""

from __future__ import annotations

import gettext
from pathlib import Path

import polib
import pytest

from scripts import messages

TEMPLATE = """
{% load i18n %}{# {% translate "not this" %} #}
{% translate "Save" %} {% translate "Open" context "verb" as label %}
{% blocktranslate count count=rows|length trimmed %}
  {{ count }} row
{% plural %}
  {{ count }} rows
{% endblocktranslate %}
{% blocktranslate with name=user.name %}Hello (again), {{ name }}{% endblocktranslate %}
{{ value|default:_("none (yet)") }}
"""
MODULE = """
from django.utils.translation import gettext as _, ngettext, pgettext_lazy as in_context
from elsewhere import gettext as other
text = _("Two parts " "of one")
many = ngettext("%(count)s row", "%(count)s rows", n)
word = in_context("verb", "Open")
inside = f"{_('empty')}"
not_ours = other("no")
_(variable)
"""


def texts(found: object) -> set[tuple[str | None, str, str | None]]:
    return {(one.context, one.text, one.plural) for one in found}  # type: ignore[attr-defined]


def project(root: Path, module: str, catalogue: str) -> Path:
    """A project of one module and one catalogue, compiled."""
    (root / "crm").mkdir()
    (root / "crm" / "views.py").write_text(module, encoding="utf-8")
    path = messages.catalogue_path("ru", root)
    path.parent.mkdir(parents=True)
    path.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n' + catalogue, encoding="utf-8")
    polib.pofile(str(path)).save_as_mofile(str(path.with_suffix(".mo")))
    return path


SAYS = 'from django.utils.translation import gettext as _\n_("%(count)s left")\n'


def test_every_text_of_the_product_is_in_russian() -> None:
    assert messages.faults() == []


def test_the_search_reads_templates_as_django_does() -> None:
    assert texts(messages.in_template(TEMPLATE)) == {
        (None, "Save", None),
        ("verb", "Open", None),
        (None, "%(count)s row", "%(count)s rows"),
        (None, "Hello (again), %(name)s", None),
        (None, "none (yet)", None),
    }


def test_the_search_reads_modules_whatever_they_call_the_functions() -> None:
    assert texts(messages.in_python(MODULE)) == {
        (None, "Two parts of one", None),
        (None, "%(count)s row", "%(count)s rows"),
        ("verb", "Open", None),
        (None, "empty", None),
    }


@pytest.mark.parametrize(
    ("catalogue", "said"),
    [
        ("", "not in the catalogue"),
        ('msgid "%(count)s left"\nmsgstr ""\n', "not translated"),
        ('#, fuzzy\nmsgid "%(count)s left"\nmsgstr "осталось %(count)s"\n', "not translated"),
        ('msgid "%(count)s left"\nmsgstr "осталось %(number)s"\n', "other placeholders"),
        ('msgid "%(count)s left"\nmsgstr "осталось %(count)s "\n', "other spaces"),
        ('msgid "%(count)s left"\nmsgstr "осталось %(count)s"\n\nmsgid "gone"\nmsgstr "нет"\n', "said nowhere"),
    ],
)
def test_the_guard_sees_what_is_wrong(tmp_path: Path, catalogue: str, said: str) -> None:
    project(tmp_path, SAYS, catalogue)
    found = messages.faults(tmp_path)
    assert len(found) == 1
    assert said in found[0]


def test_the_guard_passes_a_whole_catalogue(tmp_path: Path) -> None:
    project(tmp_path, SAYS, 'msgid "%(count)s left"\nmsgstr "осталось %(count)s"\n')
    assert messages.faults(tmp_path) == []


def test_the_guard_sees_a_catalogue_that_was_not_compiled(tmp_path: Path) -> None:
    path = project(tmp_path, SAYS, 'msgid "%(count)s left"\nmsgstr "осталось %(count)s"\n')
    path.write_text(path.read_text(encoding="utf-8").replace("осталось", "ещё"), encoding="utf-8")
    assert messages.faults(tmp_path) == ["django.mo says something else than django.po: compile it"]


def test_a_translation_stays_when_its_text_moves_and_goes_with_it(tmp_path: Path) -> None:
    path = project(tmp_path, SAYS, 'msgid "%(count)s left"\nmsgstr "осталось %(count)s"\n\nmsgid "b"\nmsgstr "б"\n')
    made = messages.refreshed(messages.collect(tmp_path), polib.pofile(str(path)))
    assert [(entry.msgid, entry.msgstr) for entry in made] == [("%(count)s left", "осталось %(count)s")]


def test_the_compiled_catalogue_counts_as_russian_does() -> None:
    words = gettext.translation("django", messages.ROOT / "locale", ["ru"])
    shown = [words.ngettext("%(count)d day", "%(count)d days", n) % {"count": n} for n in (1, 2, 5, 11, 21)]
    assert shown == ["1 день", "2 дня", "5 дней", "11 дней", "21 день"]
