"""Security in the audit trail: who came in and how, who did not, what became of factors, sessions and invitations.

The lines stand in the same table as changes (ACC-5), under the kind "security".
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from crm.actors import Actor
from crm.settings_audit import SECURITY, audit

KIND = "security"


def written(what: str, user: User | None, by: Any, details: str = "") -> None:
    """Write one line: what happened to whose account, if it was anybody's; KeyError for what has no words."""
    SECURITY[what]
    row = user if user is not None else _("unknown person")
    audit(KIND, row, what, None, details or str(user), by if by is not None else Actor.system())
