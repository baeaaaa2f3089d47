"""A stage changes only by crm.stages.move: no other module may write the column."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = (
    "accounts",
    "analytics",
    "automation",
    "communications",
    "crm",
    "deals",
    "leads",
    "objects_registry",
    "partners",
    "web",
)
MOVERS = {"crm/stages.py", "crm/models/base.py"}
# What lays whole rows down or puts rows back as they were, and may therefore name the column.
WRITERS = {
    "crm/services/records.py": "record_create starts a record at its first stage",
    "crm/merging.py": "undo of a merge puts every column back as it was",
}
WRITING_CALLS = {"update", "bulk_update", "update_or_create", "get_or_create"}


def stage_writes(source: str) -> list[int]:
    """Lines on which a module assigns `.stage`/`.stage_id` or passes it to a writing queryset call."""
    found = []
    for node in ast.walk(ast.parse(source)):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        found += [t.lineno for t in targets if isinstance(t, ast.Attribute) and t.attr in {"stage", "stage_id"}]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in WRITING_CALLS and any(k.arg in {"stage", "stage_id"} for k in node.keywords):
                found.append(node.lineno)
            if (
                node.func.attr in {"advance", "succeed", "refuse", "set_aside", "go_back", "reopen"}
                and len(node.args) == 1
            ):
                found.append(node.lineno)
    return found


def modules() -> list[Path]:
    return [
        path
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts and str(path.relative_to(ROOT)) not in MOVERS | WRITERS.keys()
    ]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_else_writes_a_stage(path: Path) -> None:
    assert stage_writes(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "code",
    [
        "deal.stage = 'deal:won'",
        "deal.stage_id = 'deal:won'",
        "Deal.objects.filter(pk=1).update(stage='deal:won')",
        "Deal.objects.update_or_create(pk=1, stage='deal:won')",
        "deal.advance('deal:won')",
    ],
)
def test_the_guard_sees_each_way_around(code: str) -> None:
    assert stage_writes(code) == [1]
