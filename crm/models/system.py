"""Settings, saved views, merges, exclusions and idempotency keys."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from crm import clock
from crm.models.base import RecordType, record_model


def export_path(job: ListJob, filename: str) -> str:
    """Where the file of an export lies: named by chance, so that its path cannot be guessed."""
    return f"exports/{clock.now():%Y/%m}/{secrets.token_urlsafe(16)}"


class Preference(models.Model):
    """One setting of the company that an administrator changed; defaults and kinds are in crm.preferences."""

    key = models.CharField(primary_key=True, max_length=60)
    value = models.JSONField()
    changed_at = models.DateTimeField(default=clock.now)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("setting")
        verbose_name_plural = _("settings")


class SavedView(models.Model):
    """A named filter of a list with its order and columns: personal, or shared with everybody of the same side."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    record_type = models.CharField(max_length=10, choices=RecordType)
    name = models.CharField(_("name"), max_length=100)
    query = models.TextField(blank=True, help_text="The list's query string, as in its URL.")
    columns = models.JSONField(default=list, blank=True, help_text="Keys of the columns; empty: the usual ones.")
    is_shared = models.BooleanField(_("shared"), default=False)
    default_for = models.CharField(
        _("default of the role"), max_length=20, choices=Role, blank=True, help_text="Opens first for that role."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")


def job_title(kind: str, record_type: str = "") -> str:
    """A kind of job over a list in words, with the records it is about where they are of one kind."""
    # Some choices are called as their buttons are; of what was done a noun is wanted.
    nouns = {ListJob.Kind.TAG: _("Change of tags"), ListJob.Kind.MOVE: pgettext("job", "Move to a stage")}
    what = nouns.get(ListJob.Kind(kind), ListJob.Kind(kind).label)
    if not record_type:
        return str(what)
    records = record_model(record_type)._meta.verbose_name_plural
    return gettext("%(what)s: %(records)s") % {"what": what, "records": records}


class ListJob(models.Model):
    """One action over many records of a person, or a file made of them: what is left to do, what was done and undone.

    `rows` are pairs (kind of record, key), done from `position` on; what a chunk did is written in its transaction,
    so that a worker that dies leaves nothing half done and nothing doubled.
    """

    class Kind(models.TextChoices):
        ASSIGN = "assign", _("Change of the responsible")
        MOVE = "move", _("Move to a stage")
        DIRECTION = "direction", _("Change of the pipeline")
        TAG = "tag", _("Tags")
        DELETE = "delete", _("Deletion")
        SPAM = "spam", _("Spam / not a client")
        RULE = "rule", _("A robot applied")
        UNDO = "undo", _("Taking back")
        EXPORT = "export", _("Export")
        CLOSE = "close", _("Closing of partners")

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="list_jobs")
    kind = models.CharField(max_length=10, choices=Kind)
    record_type = models.CharField(max_length=10, choices=RecordType, blank=True)
    params = models.JSONField(default=dict)
    rows = models.JSONField(default=list)
    total = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    failed = models.JSONField(default=list, help_text="[kind, key, reason] of each record that stays as it was.")
    back = models.JSONField(default=list, help_text="What it takes to undo each record.")
    undone_at = models.DateTimeField(null=True)
    file = models.FileField(upload_to=export_path, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    created_at = models.DateTimeField(default=clock.now)
    claimed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    token_name = models.CharField(
        max_length=150, blank=True, help_text="Started by this token of the person, named as the audit trail names it."
    )

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = _("job over a list")
        verbose_name_plural = _("jobs over lists")
        indexes: ClassVar = [
            models.Index(fields=["id"], name="list_job_to_do", condition=models.Q(state__in=["pending", "running"]))
        ]

    @property
    def title(self) -> str:
        """What it does with which records, for the list of jobs and the bell."""
        return job_title(self.kind, self.record_type)

    @property
    def is_over(self) -> bool:
        """Nothing more will be done by it."""
        return self.state in {self.State.DONE, self.State.STOPPED, self.State.FAILED}

    @property
    def percent(self) -> int:
        """How much of it is through, 0 to 100."""
        return min(100, self.position * 100 // self.total) if self.total else 0


class Merge(models.Model):
    """One merge of duplicates, with what it takes to undo it in full (OBJ-4)."""

    record_type = models.CharField(max_length=10, choices=RecordType)
    main_id = models.BigIntegerField()
    merged_ids = models.JSONField()
    snapshot = models.JSONField(help_text="Old values of every row that the merge touched.")
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-at"]
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        indexes: ClassVar = [models.Index(fields=["record_type", "main_id"], name="merge_of_record")]


class NotDuplicate(models.Model):
    """Two records that somebody looked at and found different; nobody is warned of the pair again.

    Of one kind: the lower and the higher id. With `other_type` the second is of that kind: a lead and a contact.
    """

    record_type = models.CharField(max_length=10, choices=RecordType)
    low_id = models.BigIntegerField()
    high_id = models.BigIntegerField()
    other_type = models.CharField(max_length=10, choices=RecordType, blank=True)
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = _("not a duplicate")
        verbose_name_plural = _("not duplicates")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["record_type", "low_id", "high_id", "other_type"], name="not_duplicate_once"
            )
        ]


class InForce(models.Manager["Exclusion"]):
    """The rows that count: those taken out are left aside."""

    def get_queryset(self) -> models.QuerySet[Exclusion]:
        return super().get_queryset().filter(removed_at__isnull=True)


class Exclusion(models.Model):
    """A phone, address, domain or messenger id from which no lead is made (LEAD-15); `every` has removed ones too."""

    class Kind(models.TextChoices):
        PHONE = "phone", _("Phone")
        EMAIL = "email", _("E-mail")
        DOMAIN = "domain", _("Mail domain")
        TELEGRAM = "telegram", "Telegram"
        WHATSAPP = "whatsapp", "WhatsApp"

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    value = models.CharField(_("value"), max_length=254)
    reason = models.CharField(_("reason"), max_length=255)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    added_at = models.DateTimeField(default=clock.now)
    removed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    removed_at = models.DateTimeField(null=True)

    objects = InForce()
    every = models.Manager()

    class Meta:
        ordering: ClassVar = ["-added_at", "-id"]
        verbose_name = _("exclusion")
        verbose_name_plural = _("exclusions")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "value"], name="exclusion_once", condition=models.Q(removed_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.value}"


class IdempotencyKey(models.Model):
    """An answer given once to an API call, given again when the call is repeated with the same key."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    response = models.JSONField(null=True)
    headers = models.JSONField(default=dict, help_text="Headers of the answer that say what may follow it.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once")]
