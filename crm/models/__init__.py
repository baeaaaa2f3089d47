"""The kernel's models, one module per subject."""

from crm.models.base import (
    ATTRIBUTION_FIELDS,
    INTAKE_CHANNELS,
    RECORD_MODELS,
    ActedRow,
    ActorKind,
    Attribution,
    Channel,
    Place,
    RecordRef,
    RecordType,
    StagedRecord,
    record_model,
)
from crm.models.calendar import CalendarDay
from crm.models.clients import ClientType, Company, Contact, ContactPoint, Source, Tag
from crm.models.duplicates import DuplicateGroup, DuplicateHit, DuplicateMember, DuplicateScan
from crm.models.journal import Activity, Attachment, Change, Event, Notification, TimelineEntry
from crm.models.pipeline import NamedRow, Pipeline, RefusalReason, Stage, StageHistory, StageMapping
from crm.models.system import Exclusion, IdempotencyKey, ListJob, Merge, NotDuplicate, Preference, SavedView

__all__ = [
    "ATTRIBUTION_FIELDS",
    "INTAKE_CHANNELS",
    "RECORD_MODELS",
    "ActedRow",
    "Activity",
    "ActorKind",
    "Attachment",
    "Attribution",
    "CalendarDay",
    "Change",
    "Channel",
    "ClientType",
    "Company",
    "Contact",
    "ContactPoint",
    "DuplicateGroup",
    "DuplicateHit",
    "DuplicateMember",
    "DuplicateScan",
    "Event",
    "Exclusion",
    "IdempotencyKey",
    "ListJob",
    "Merge",
    "NamedRow",
    "NotDuplicate",
    "Notification",
    "Pipeline",
    "Place",
    "Preference",
    "RecordRef",
    "RecordType",
    "RefusalReason",
    "SavedView",
    "Source",
    "Stage",
    "StageHistory",
    "StageMapping",
    "StagedRecord",
    "Tag",
    "TimelineEntry",
    "record_model",
]
