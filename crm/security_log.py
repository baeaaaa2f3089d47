"""Security in the audit trail: who came in and how, who did not, what became of factors, sessions and invitations.

The lines stand in the same table as changes (ACC-5), under the kind "security".
"""

from __future__ import annotations

from typing import Any

from accounts.models import User
from crm.actors import Actor
from crm.settings_audit import SECURITY, audit

KIND = "security"


def written(what: str, user: User, by: Any, details: str = "") -> None:
    """Write one line: what happened to whose account; KeyError for what has no words."""
    SECURITY[what]
    audit(KIND, user, what, None, details or str(user), by if by is not None else Actor.system())
