"""What happened and what is to be done: timeline, audit trail, outbox of events, activities, files, notifications."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm import clock
from crm.models.base import ActedRow, RecordRef
from crm.querysets import ActivityQuerySet


class TimelineEntry(RecordRef, ActedRow):
    """One line of a record's timeline: an action code and its data; the sentence is made by crm.timeline."""

    action = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    is_internal = models.BooleanField(_("hidden from the partner"), default=False)
    is_pinned = models.BooleanField(_("pinned"), default=False)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        verbose_name = _("timeline entry")
        verbose_name_plural = _("timeline")
        indexes: ClassVar = [models.Index(fields=["record_type", "record_id", "-at", "-id"], name="timeline_of_record")]


class Change(RecordRef, ActedRow):
    """Audit trail: one changed field of one record; written by services, never edited or deleted (ACC-5)."""

    field = models.CharField(max_length=50)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    request_id = models.CharField(max_length=36, blank=True)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        verbose_name = _("change")
        verbose_name_plural = _("audit trail")
        indexes: ClassVar = [models.Index(fields=["record_type", "record_id", "-at"], name="change_of_record")]


class Event(RecordRef, ActedRow):
    """Outbox: what handlers must still hear of; written in the transaction of the change itself (crm.events)."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    name = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    depth = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    done_handlers = models.JSONField(default=list)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(default=clock.now)
    claimed_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes: ClassVar = [
            models.Index(
                fields=["not_before", "id"], name="event_to_do", condition=Q(state__in=["pending", "running"])
            ),
        ]


class Activity(RecordRef):
    """A task, call or meeting on a record: due time, responsible, result (ACT-1)."""

    class Kind(models.TextChoices):
        TASK = "task", _("Task")
        CALL = "call", _("Call (activity)")
        MEETING = "meeting", _("Meeting")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.TASK)
    title = models.CharField(_("what to do"), max_length=255)
    text = models.TextField(_("details"), blank=True)
    responsible = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="activities", verbose_name=_("responsible")
    )
    due_at = models.DateTimeField(_("due"))
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    result = models.TextField(_("result"), blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    key = models.CharField(
        max_length=100,
        null=True,
        unique=True,
        editable=False,
        help_text="What a robot makes once, it makes once.",
    )

    objects = ActivityQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["due_at", "id"]
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        indexes: ClassVar = [
            models.Index(fields=["record_type", "record_id", "due_at"], name="activity_of_record"),
            models.Index(fields=["responsible", "due_at"], name="activity_open", condition=Q(done_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.title


def attachment_path(attachment: Attachment, filename: str) -> str:
    """Where a file lies: named by chance, so that no name of a client is in a path."""
    import secrets

    return f"attachments/{clock.now():%Y/%m}/{secrets.token_urlsafe(16)}"


class Attachment(RecordRef):
    """A file on a record; served only through a view that asks for the record's visibility."""

    file = models.FileField(upload_to=attachment_path)
    name = models.CharField(_("name"), max_length=255)
    size = models.PositiveBigIntegerField(_("size, bytes"))
    content_type = models.CharField(max_length=100)
    is_internal = models.BooleanField(_("hidden from the partner"), default=False)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name = _("file")
        verbose_name_plural = _("files")
        indexes: ClassVar = [models.Index(fields=["record_type", "record_id"], name="attachment_of_record")]

    def __str__(self) -> str:
        return self.name


class Notification(RecordRef):
    """What a person is told about a record, not of their own doing: a line in the bell, a letter, or both.

    Many of a kind within a minute hang on the first of them (`group`), which is shown and mailed for all.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=20, default="responsible")
    group = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="followers")
    in_bell = models.BooleanField(default=True)
    mail_at = models.DateTimeField(
        null=True, blank=True, help_text="When a letter is due; empty: none, or it is on its way."
    )
    last_at = models.DateTimeField(default=clock.now, editable=False, help_text="When the newest of the group came.")
    action = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-last_at", "-id"]
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at"], name="notification_unread", condition=Q(read_at__isnull=True)),
            models.Index(fields=["mail_at"], name="notification_to_mail", condition=Q(mail_at__isnull=False)),
        ]
