"""Rules as rows, what they have scheduled, and what they have done."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm import clock
from crm.models import NamedRow, Pipeline, RecordRef, Stage


class Rule(NamedRow):
    """A robot: when something happens to a record in a pipeline, and conditions hold, do something, now or later."""

    class Trigger(models.TextChoices):
        CREATED = "created", _("A record is created")
        STAGE_ENTERED = "stage_entered", _("A record enters the stage")
        STAGE_LEFT = "stage_left", _("A record leaves the stage")
        FIELD_CHANGED = "field_changed", _("A field changes")
        CLIENT_CONTACT = "client_contact", _("The client makes contact")
        LETTER_OPENED = "letter_opened", _("The client opens a letter")
        INVOICE_OVERDUE = "invoice_overdue", _("An invoice is overdue")
        INACTIVE = "inactive", _("Nothing happens")
        NORM_EXCEEDED = "norm_exceeded", _("A record stands longer than the norm")
        DATE_REACHED = "date_reached", _("A date of the record comes")
        SCHEDULE = "schedule", _("By the clock")

    class Way(models.TextChoices):
        """How the client made contact, for robots that wait for one way alone."""

        CALL = "call", _("calls and is answered")
        MISSED_CALL = "missed_call", _("calls and nobody answers")
        MESSAGE = "message", _("writes in a messenger")
        LETTER = "letter", _("writes a letter")
        FORM = "form", _("fills in a form")
        MEETING = "meeting", _("meets us")

    code = models.SlugField(_("code"), max_length=60, unique=True)
    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="rules", verbose_name=_("pipeline"))
    stage = models.ForeignKey(
        Stage, models.CASCADE, null=True, blank=True, related_name="rules", verbose_name=_("stage")
    )
    trigger = models.CharField(_("when"), max_length=20, choices=Trigger)
    fields = models.JSONField(_("fields that are watched"), default=list, blank=True)
    ways = models.JSONField(
        _("ways of contact"), default=list, blank=True, help_text="How the client made contact; none means any way."
    )
    conditions = models.JSONField(_("conditions"), default=dict, blank=True)
    delay_days = models.PositiveSmallIntegerField(_("days later"), default=0)
    delay_hours = models.PositiveSmallIntegerField(_("hours later"), default=0)
    delay_working_days = models.PositiveSmallIntegerField(_("working days later"), default=0)
    delay_plan = models.CharField(
        _("day by a plan from the settings"), max_length=40, blank=True, help_text="A name from automation.schedule."
    )
    date_field = models.CharField(_("date of the record"), max_length=60, blank=True)
    date_offset = models.SmallIntegerField(_("days after the date"), default=0, help_text="Negative: before it.")
    at_hour = models.PositiveSmallIntegerField(_("hour of the day"), null=True, blank=True)
    weekdays = models.JSONField(
        _("days of the week"), default=list, blank=True, help_text="Monday is 1; none means every day."
    )
    swept_at = models.DateTimeField(null=True, editable=False, help_text="When it last ran by the clock.")
    stops_on_contact = models.BooleanField(_("the client's contact cancels it"), default=False)
    action = models.CharField(_("what to do"), max_length=40)
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    is_active = models.BooleanField(_("switched on"), default=True)
    switched_on_at = models.DateTimeField(
        default=clock.now, editable=False, help_text="Silence is counted from here at the earliest."
    )
    is_shipped = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering: ClassVar = ["pipeline", "order", "id"]
        verbose_name = _("rule")
        verbose_name_plural = _("rules")


class ScheduledRun(RecordRef):
    """A rule's action due at a moment for one record; unique per entry into the stage (AUTO-2)."""

    class State(models.TextChoices):
        SCHEDULED = "scheduled", _("Scheduled")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")
        MISSED = "missed", _("Missed")

    rule = models.ForeignKey(Rule, models.CASCADE, related_name="scheduled_runs", verbose_name=_("rule"))
    key = models.CharField(max_length=150, unique=True, help_text="rule:record:entry into the stage")
    stage_key = models.CharField(max_length=80, blank=True, help_text="Outside this stage it is not run.")
    entry_id = models.BigIntegerField(null=True, help_text="The row of the stage history it was planned from.")
    planned_from = models.DateTimeField(null=True, help_text="The moment from which its days are counted.")
    due_at = models.DateTimeField(_("due"))
    is_moved = models.BooleanField(_("date set by hand"), default=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.SCHEDULED)
    claimed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    depth = models.PositiveSmallIntegerField(default=0, help_text="How many rules led to it, one after another.")
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["due_at", "id"]
        verbose_name = _("scheduled run")
        verbose_name_plural = _("scheduled runs")
        indexes: ClassVar = [
            models.Index(fields=["due_at", "id"], name="run_due", condition=Q(state__in=["scheduled", "running"])),
            # Every tick looks for rows whose worker died; there are few, and among a million waiting ones.
            models.Index(fields=["claimed_at"], name="run_begun", condition=Q(state="running")),
            models.Index(fields=["record_type", "record_id", "state"], name="run_of_record"),
        ]


class RuleRun(RecordRef):
    """What a rule did to a record, with its reason and result; the record's card shows it (AUTO-3)."""

    rule = models.ForeignKey(Rule, models.CASCADE, related_name="runs", verbose_name=_("rule"))
    at = models.DateTimeField(default=clock.now)
    is_ok = models.BooleanField(default=True)
    outcome = models.CharField(max_length=40, blank=True)
    data = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        verbose_name = _("run of a rule")
        verbose_name_plural = _("runs of rules")
        indexes: ClassVar = [models.Index(fields=["record_type", "record_id", "-at"], name="rule_run_of_record")]
