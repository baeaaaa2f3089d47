"""What rules can do: one small function each, registered with its label. To add one, write it and register it."""

from __future__ import annotations

from automation.actions import content, hooks, intake, letters, moves, tasks
from automation.actions.letters import Way, letter_way, message_way, recipient_of
from automation.actions.registry import ACTIONS, Action, Context, Outcome, action, entry_of

__all__ = [
    "ACTIONS", "Action", "Context", "Outcome", "Way", "action", "content", "entry_of", "hooks", "intake", "letter_way",
    "letters", "message_way", "moves", "recipient_of", "tasks",
]  # fmt: skip
