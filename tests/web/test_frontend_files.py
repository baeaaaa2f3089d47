"""What lies in templates/ and static/ keeps the promises of docs/frontend.md, whoever adds to it."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if "emails" not in path.parts]
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
PYTHON = [path for app in ("crm", "web", "leads", "deals") for path in (ROOT / app).rglob("*.py")]
JS_BUDGET = 120 * 1024


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def sprite() -> set[str]:
    return set(re.findall(r'<symbol id="([a-z0-9-]+)"', read(ROOT / "static/vendor/icons/sprite.svg")))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_it_compiles(path: Path) -> None:
    assert get_template(str(path.relative_to(ROOT / "templates")))


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_it_has_nothing_inline(path: Path) -> None:
    text = read(path)
    assert not re.search(r"\sstyle=", text), "a style attribute breaks the content security policy"
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\son[a-z]+=", text), "an inline handler breaks the content security policy"
    for tag in re.findall(r"<script\b[^>]*>", text):
        assert "src=" in tag or "application/json" in tag, tag
    assert not re.search(r"""(?:src|href)=["']https?://""", text), "nothing comes from another host"


def test_every_icon_that_is_named_is_in_the_sprite() -> None:
    known = sprite()
    named = {found for path in TEMPLATES for found in re.findall(r'{% icon "([a-z0-9-]+)"', read(path))}
    named |= {found for path in PYTHON for found in re.findall(r'icon(?:_html)?(?:\(|=|": )"([a-z0-9-]+)"', read(path))}
    named |= {found for path in SCRIPTS for found in re.findall(r'crm\.icon\("([a-z0-9-]+)"', read(path))}
    assert named
    assert not named - known, "add the name to static/vendor/icons/icons.txt and cut the sprite anew"


def test_the_sprite_is_the_one_cut_from_the_list() -> None:
    listed = read(ROOT / "static/vendor/icons/icons.txt").split()
    assert listed == sorted(set(listed))
    assert sprite() == set(listed)


def test_every_sentence_of_a_script_is_handed_over() -> None:
    from crm.templatetags.ui import script_assets, script_texts

    said = {found for path in SCRIPTS for found in re.findall(r"crm\.text\.(\w+)", read(path))}
    fetched = {found for path in SCRIPTS for found in re.findall(r"crm\.assets\.(\w+)", read(path))}
    assert said <= set(script_texts())
    assert fetched <= set(script_assets())


def test_an_ordinary_page_keeps_to_its_script_budget() -> None:
    skeleton = read(ROOT / "templates/skeleton.html")
    wanted = re.findall(r"""<script src="{% static ["']([^"']+)["'] %}""", skeleton)
    assert "vendor/htmx/htmx.min.js" in wanted
    size = sum(len(gzip.compress((ROOT / "static" / path).read_bytes())) for path in wanted)
    assert size < JS_BUDGET


@pytest.mark.parametrize("path", sorted((ROOT / "static").rglob("*.[jc]s*")), ids=name)
def test_no_file_asks_for_a_source_map(path: Path) -> None:
    # The manifest storage stops the start of the server over a map that is not there.
    assert "sourceMappingURL" not in path.read_text(encoding="utf-8", errors="replace")


def test_every_vendored_library_has_its_version_and_licence() -> None:
    versions = read(ROOT / "static/vendor/VERSIONS.md")
    for folder in (ROOT / "static/vendor").iterdir():
        if folder.is_dir():
            assert (folder / "LICENSE").is_file(), folder.name
            assert f"| {folder.name} |" in versions
