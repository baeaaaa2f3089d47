"""Writing shared by every kind of record: create, update, assign, notes, tasks, files. Apps add their own."""

from crm.services.activities import (
    activities_bring_back,
    activities_cancel,
    activities_close_automatic,
    activity_complete,
    activity_create,
    activity_reopen,
    refresh_next_activity,
)
from crm.services.fields import DERIVED, PROTECTED, derive, follow, plain_value, shown_value
from crm.services.notes import attachment_add, note_add, touch
from crm.services.records import (
    record_assign,
    record_create,
    record_delete,
    record_hand,
    record_restore,
    record_update,
)

__all__ = [
    "DERIVED",
    "PROTECTED",
    "activities_bring_back",
    "activities_cancel",
    "activities_close_automatic",
    "activity_complete",
    "activity_create",
    "activity_reopen",
    "attachment_add",
    "derive",
    "follow",
    "note_add",
    "plain_value",
    "record_assign",
    "record_create",
    "record_delete",
    "record_hand",
    "record_restore",
    "record_update",
    "refresh_next_activity",
    "shown_value",
    "touch",
]
