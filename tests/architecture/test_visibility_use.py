"""No view, API, filter or export reads guarded rows without `visible_to`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUARDED = {"Lead", "Deal", "Contact", "Company", "ConstructionObject", "Activity"}
ENTRANCES = ("views.py", "api.py", "exporting.py", "attachments_views.py", "screens.py", "context.py", "search.py")


def is_entrance(path: Path) -> bool:
    return path.name.endswith(ENTRANCES) or "screens" in path.parts or "views" in path.parts


def unguarded(source: str) -> list[int]:
    """Lines that start a query on a guarded model's manager and do not go on with visible_to()."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(tree):
        starts = (
            isinstance(node, ast.Attribute)
            and node.attr in {"objects", "_default_manager"}
            and isinstance(node.value, ast.Name)
            and node.value.id in GUARDED
        )
        if not starts:
            continue
        step = parents.get(node)
        while isinstance(step, ast.Attribute | ast.Call):
            if isinstance(step, ast.Attribute) and step.attr in {"visible_to", "none"}:
                break
            step = parents.get(step)
        else:
            found.append(node.lineno)
    return found


def entrances() -> list[Path]:
    return [
        path
        for path in sorted(ROOT.glob("*/**/*.py"))
        if path.parts[len(ROOT.parts)] not in {"tests", "bench", "scripts", ".venv", "var"} and is_entrance(path)
    ]


@pytest.mark.rule("ACC-1")
@pytest.mark.parametrize("path", entrances(), ids=lambda path: str(path.relative_to(ROOT)))
def test_entrances_read_only_what_is_visible(path: Path) -> None:
    assert unguarded(path.read_text(encoding="utf-8")) == []


@pytest.mark.rule("ACC-1")
def test_the_guard_sees_a_forgotten_call() -> None:
    assert unguarded("rows = Deal.objects.filter(pk=1)") == [1]
    assert unguarded("rows = Deal.objects.all().visible_to(user).filter(pk=1)") == []
    assert unguarded("count = Contact._default_manager.count()") == [1]
