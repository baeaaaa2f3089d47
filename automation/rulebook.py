"""All rules, read once per request and shared: which there are, and to which stages they are bound."""

from __future__ import annotations

from automation.models import Rule
from crm import scope
from crm.prepared import Kept

RULES = "automation.rules"
# Actions that leave a letter in the outbox.
WRITES = frozenset({"send_message", "send_letter"})

_kept_rules = Kept(lambda: Rule.objects.select_related("pipeline"), list)


def known_rules() -> list[Rule]:
    """All rules, switched off ones too; they are shared."""
    return scope.remember(RULES, _kept_rules.get)


def is_of_stage(rule: Rule, key: str) -> bool:
    """Rules bind to one stage, or to every stage of their pipeline."""
    return rule.stage_id == key or (rule.stage_id is None and key.startswith(f"{rule.pipeline_id}:"))
