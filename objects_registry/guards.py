"""What the machine refuses to objects: only a merge may move them to «Объединён с другим», only its undo back."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

MERGED = "merged"


def refuse_merged(record: Any, target: Any, actor: Any) -> str:
    """The objection of the registry to a move made by hand."""
    if record.merged_into_id is not None:
        return _("«%(record)s» was merged into another object; undo the merge instead.") % {"record": record}
    if target.code == MERGED:
        return _("An object gets to «%(stage)s» only by a merge with another one.") % {"stage": target.name}
    return ""
