"""Every promise of docs/rules.md has a test that carries its id, and no test carries an id that is not promised."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULE = r"(?:ACC|PIPE|LEAD|DEAL|OBJ|PART|ACT|AUTO|COM|DATA|ANA)-\d+"


def listed(text: str) -> set[str]:
    return set(re.findall(rf"^\| ({RULE}) \|", text, re.MULTILINE))


def carried(text: str) -> set[str]:
    return {rule for call in re.findall(r"mark\.rule\(([^)]*)\)", text) for rule in re.findall(RULE, call)}


def test_every_listed_rule_has_a_test_and_the_other_way_round() -> None:
    promised = listed((ROOT / "docs" / "rules.md").read_text(encoding="utf-8"))
    tested = {
        rule
        for path in (ROOT / "tests").rglob("test_*.py")
        if path != Path(__file__).resolve()
        for rule in carried(path.read_text(encoding="utf-8"))
    }
    assert promised - tested == set()
    assert tested - promised == set()


def test_every_listed_place_exists() -> None:
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    places = {place for place in re.findall(r"`([a-z_]+/[\w./<>]*)`", text) if "<" not in place}
    assert {place for place in places if not (ROOT / place).exists()} == set()


def test_the_guard_sees_a_rule_without_a_test() -> None:
    assert listed("| DEAL-99 | x | y |\n| id | promise |") == {"DEAL-99"}
    assert carried('@pytest.mark.rule("DEAL-6")\n@pytest.mark.rule("OBJ-2", "OBJ-3")') == {"DEAL-6", "OBJ-2", "OBJ-3"}
