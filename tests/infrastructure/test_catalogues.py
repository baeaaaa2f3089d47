"""Translations are compiled where the product runs, without the gettext tools."""

import gettext
import os
from pathlib import Path

import pytest

from crm.catalogues import compile_catalogues

CATALOGUE = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\\n"

msgid "%d deal"
msgid_plural "%d deals"
msgstr[0] "%d сделка"
msgstr[1] "%d сделки"
msgstr[2] "%d сделок"
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A Russian catalogue with one message."""
    path = tmp_path / "ru" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_text(CATALOGUE, encoding="utf-8")
    return path


def test_russian_plurals_survive(tmp_path: Path, source: Path) -> None:
    assert compile_catalogues(tmp_path) == [source.with_suffix(".mo")]

    words = gettext.translation("django", tmp_path, ["ru"])
    shown = [words.ngettext("%d deal", "%d deals", n) % n for n in (1, 2, 5, 21)]
    assert shown == ["1 сделка", "2 сделки", "5 сделок", "21 сделка"]


def test_only_what_changed_is_compiled_again(tmp_path: Path, source: Path) -> None:
    compile_catalogues(tmp_path)
    assert compile_catalogues(tmp_path) == []

    later = source.with_suffix(".mo").stat().st_mtime + 5
    os.utime(source, (later, later))
    assert compile_catalogues(tmp_path) == [source.with_suffix(".mo")]


def test_no_half_written_file_is_left(tmp_path: Path, source: Path) -> None:
    compile_catalogues(tmp_path)

    assert sorted(path.name for path in source.parent.iterdir()) == ["django.mo", "django.po"]
