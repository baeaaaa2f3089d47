"""Files made of lists: each is a line of the audit trail, and a partner takes no more than a measure of them (ACC-5).

A partner works on its requests one by one; a file of all of them is what walks out with a person who leaves.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import identity
from accounts.models import User
from crm import clock, scope
from crm.actors import Actor
from crm.errors import DomainError
from crm.models import Change

KIND = "export"
MADE, REFUSED = "exported", "export_refused"
# Rows of leads, deals, tasks and the like in all files that the people of one partner make within a day.
PARTNERS_ROWS = 200
DAY = timedelta(hours=24)


class ExportRefusedError(DomainError):
    """More than a partner may take away as files; the refusal itself is in the audit trail."""

    code = "export_refused"
    title = gettext_lazy("The file is not made")


def export_noted(by: Any, *, name: str, rows: int, form: str, about: str, is_measured: bool = True) -> None:
    """Write who makes a file of what: name of the list, rows, kind of file, filter.

    Raises ExportRefusedError where a partner would go over its measure; figures that name nobody are not measured.
    """
    actor = Actor.of(by)
    user = actor.user
    if is_measured and user is not None and user.is_partner:
        left = PARTNERS_ROWS - _taken(user)
        if rows > left:
            _write(actor, REFUSED, name, rows, form, about, is_measured)
            names = {"most": PARTNERS_ROWS, "left": max(left, 0), "rows": rows}
            text = _(
                "Partners take at most %(most)s rows a day as files; %(left)s are left, here are %(rows)s. "
                "Narrow the filter, or ask the manufacturer for the file."
            )
            raise ExportRefusedError(text % names)
    _write(actor, MADE, name, rows, form, about, is_measured)


def _taken(user: User) -> int:
    """The rows in the files that the user's partner has made within a day."""
    with identity.as_system():  # The trail is not the partner's to read.
        found = Change.objects.filter(
            record_type=KIND, field=MADE, at__gt=clock.now() - DAY, actor_user__partner=user.partner_id
        )
        told: list[Any] = list(found.values_list("new", flat=True))
    return sum(value["rows"] for value in told if value["measured"])


def _write(actor: Actor, field: str, name: str, rows: int, form: str, about: str, is_measured: bool) -> None:
    told = _("%(rows)s rows, %(form)s. %(about)s") % {"rows": rows, "form": form.upper(), "about": about}
    with identity.as_system():
        Change.objects.create(
            record_type=KIND,
            record_id=0,
            at=clock.now(),
            field=field,
            new={"of": name[:200], "value": told.strip()[:1000], "rows": rows, "measured": is_measured},
            request_id=scope.request_id.get(),
            **actor.as_columns(),
        )
