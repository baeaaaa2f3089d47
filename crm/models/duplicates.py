"""The search for duplicates over a whole registry, and the groups that it found (LEAD-14, OBJ-6)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm import clock
from crm.models.base import RecordType


class DuplicateScan(models.Model):
    """One search through all records of a kind; it goes on from `cursor` whoever takes it up."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    record_type = models.CharField(max_length=10, choices=RecordType)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    step = models.PositiveSmallIntegerField(default=0)
    cursor = models.JSONField(null=True, help_text="The last key that the present step has dealt with.")
    holder = models.CharField(max_length=32, blank=True, help_text="Which worker has it.")
    beat_at = models.DateTimeField(default=clock.now, help_text="When that worker was last heard of.")
    seen = models.PositiveIntegerField(default=0, help_text="Keys that several records have.")
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = _("search for duplicates")
        verbose_name_plural = _("searches for duplicates")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["record_type"], condition=Q(state__in=["waiting", "running"]), name="duplicate_scan_one_at_once"
            )
        ]


class DuplicateHit(models.Model):
    """A key that several records share, kept while the search runs."""

    scan = models.ForeignKey(DuplicateScan, models.CASCADE, related_name="hits")
    reason = models.CharField(max_length=30)
    value = models.CharField(max_length=254, blank=True)
    ids = models.JSONField()
    is_sure = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["id"]


class DuplicateGroup(models.Model):
    """Records that may be one and the same, with the reasons; until the next search replaces it."""

    scan = models.ForeignKey(DuplicateScan, models.CASCADE, related_name="groups")
    record_type = models.CharField(max_length=10, choices=RecordType)
    reasons = models.JSONField(help_text="Pairs of a code and the value that the records share.")
    is_sure = models.BooleanField(default=True)
    is_dismissed = models.BooleanField(default=False, help_text="Somebody found that they are all different.")

    class Meta:
        ordering: ClassVar = ["-is_sure", "id"]
        verbose_name = _("group of duplicates")
        verbose_name_plural = _("groups of duplicates")
        indexes: ClassVar = [models.Index(fields=["record_type", "is_dismissed"], name="duplicate_group_of_kind")]


class DuplicateMember(models.Model):
    """One record of a group."""

    group = models.ForeignKey(DuplicateGroup, models.CASCADE, related_name="members")
    member_id = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["group", "member_id"], name="duplicate_member_once")]
        indexes: ClassVar = [models.Index(fields=["member_id"], name="duplicate_member")]
