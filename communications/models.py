"""What comes in and goes out: web forms, raw submissions, letters and messages, calls, templates, webhooks."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm import clock
from crm.models import ContactPoint, NamedRow, RecordRef
from crm.prepared_writes import PreparedWrites

HEX_COLOUR = RegexValidator(r"^#[0-9a-fA-F]{6}$", _("Write the colour as #1f5fbf."))


def public_key() -> str:
    """A key that names a form on foreign sites; it is no secret, only hard to guess."""
    return secrets.token_urlsafe(12)


def long_key() -> str:
    """What a secret is made of."""
    return secrets.token_urlsafe(32)


def event_uid() -> str:
    """A name that no other event has."""
    return f"evt_{secrets.token_urlsafe(18)}"


class WebForm(models.Model):
    """A form on some site whose posts become leads."""

    class Language(models.TextChoices):
        VISITORS = "", _("the visitor's")
        RUSSIAN = "ru", _("Russian")
        ENGLISH = "en", _("English")

    name = models.CharField(_("name"), max_length=150)
    key = models.SlugField(_("public key"), max_length=40, unique=True, default=public_key)
    source = models.ForeignKey(
        "crm.Source",
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("source when no mark tells it"),
        related_name="+",
    )
    field_map = models.JSONField(_("names of fields on the site"), default=dict, blank=True)
    responsible = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("responsible"),
        related_name="+",
    )
    is_active = models.BooleanField(_("in use"), default=True)
    language = models.CharField(_("language"), max_length=2, blank=True, choices=Language)
    title = models.CharField(_("heading"), max_length=150, blank=True)
    intro = models.TextField(_("text above the fields"), max_length=2000, blank=True)
    # [{"key", "meaning", "type", "label", "required", "options"}], in order; see communications.web_forms.
    fields = models.JSONField(_("fields"), default=list, blank=True)
    button = models.CharField(_("button"), max_length=60, blank=True)
    thanks = models.TextField(_("thanks"), max_length=2000, blank=True)
    redirect_url = models.URLField(_("page to go to after sending"), max_length=500, blank=True)
    colour = models.CharField(_("colour of the button"), max_length=7, default="#1f5fbf", validators=[HEX_COLOUR])
    background = models.CharField(_("background"), max_length=7, default="#ffffff", validators=[HEX_COLOUR])
    consent_text = models.TextField(_("text of the consent"), max_length=4000, blank=True)
    consent_required = models.BooleanField(_("cannot be sent without the consent"), default=True)
    consent_version = models.PositiveIntegerField(default=0, editable=False)
    marks = models.JSONField(_("UTM marks when the visitor brings none"), default=dict, blank=True)
    allowed_origins = models.JSONField(_("sites that may post"), default=list, blank=True)
    min_seconds = models.PositiveSmallIntegerField(_("shortest time to fill in, s"), default=3)
    asks_work = models.BooleanField(_("the visitor's browser solves a task"), default=False)
    held_back = models.PositiveIntegerField(_("not kept because of the limit"), default=0, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("web form")
        verbose_name_plural = _("web forms")

    def __str__(self) -> str:
        return self.name


class WebFormConsent(models.Model):
    """A wording of a form's consent; who agreed to which one is kept with each post."""

    form = models.ForeignKey(WebForm, models.CASCADE, related_name="consents")
    version = models.PositiveIntegerField()
    text = models.TextField(_("text of the consent"))
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["form", "-version"]
        verbose_name = _("consent text")
        verbose_name_plural = _("consent texts")
        constraints: ClassVar = [models.UniqueConstraint(fields=["form", "version"], name="consent_version_once")]

    def __str__(self) -> str:
        return f"{self.form}, {self.version}"


class Submission(PreparedWrites, models.Model):
    """A request exactly as it came in, stored before anything is done with it (LEAD-2)."""

    class State(models.TextChoices):
        RECEIVED = "received", _("Received")
        RUNNING = "running", _("Being processed")
        DONE = "done", _("Processed")
        DUPLICATE = "duplicate", _("Sent twice")
        FAILED = "failed", _("Needs attention")
        HELD = "held", _("Held back")

    form = models.ForeignKey(WebForm, models.PROTECT, null=True, related_name="submissions", verbose_name=_("form"))
    received_at = models.DateTimeField(_("received"), default=clock.now)
    body = models.BinaryField(_("body as received"))
    content_type = models.CharField(max_length=255, blank=True)
    fields = models.JSONField(_("fields"), default=dict)
    meta = models.JSONField(_("request data"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.RECEIVED)
    dedup_key = models.CharField(max_length=100, unique=True, null=True)
    error = models.TextField(_("error"), blank=True)
    # What was not understood or not kept of it, also where a lead was made: rows of pointer, code, message.
    problems = models.JSONField(_("not understood or not kept"), default=list, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)
    lead_id = models.BigIntegerField(_("lead"), null=True, db_index=True)
    consent = models.ForeignKey(WebFormConsent, models.PROTECT, null=True, related_name="+")
    deal_id = models.BigIntegerField(_("deal"), null=True, db_index=True)
    exclusion = models.ForeignKey(
        "crm.Exclusion", models.SET_NULL, null=True, related_name="submissions", verbose_name=_("held back by")
    )
    duplicate_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="repeats")

    class Meta:
        ordering: ClassVar = ["-received_at", "-id"]
        verbose_name = _("submission")
        verbose_name_plural = _("submissions")
        indexes: ClassVar = [
            models.Index(
                fields=["state", "received_at"],
                name="submission_to_do",
                condition=Q(state__in=["received", "running", "failed", "held"]),
            )
        ]


class MessageTemplate(NamedRow):
    """Text of a letter or message with placeholders: in Russian, and in English where it has one."""

    code = models.SlugField(_("code"), primary_key=True, max_length=50)
    subject = models.CharField(_("subject in Russian"), max_length=255, blank=True)
    text = models.TextField(_("text in Russian"))
    subject_en = models.CharField(_("subject in English"), max_length=255, blank=True)
    text_en = models.TextField(_("text in English"), blank=True)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = _("template")
        verbose_name_plural = _("templates")


class Message(RecordRef):
    """A letter or message, in or out; an outgoing one is a row first and is sent after commit (COM-1)."""

    class Direction(models.TextChoices):
        IN = "in", _("Incoming")
        OUT = "out", _("Outgoing")

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Not sent")
        RECEIVED = "received", _("Received")
        CANCELLED = "cancelled", _("Cancelled")

    direction = models.CharField(_("direction"), max_length=3, choices=Direction)
    channel = models.CharField(_("channel"), max_length=10, choices=ContactPoint.Kind)
    state = models.CharField(_("state"), max_length=10, choices=State)
    address = models.CharField(_("address"), max_length=254)
    subject = models.CharField(_("subject"), max_length=255, blank=True)
    text = models.TextField(_("text"), blank=True)
    html = models.TextField(blank=True, help_text="Made by the product itself; empty where it is made of the text.")
    template = models.ForeignKey(MessageTemplate, models.SET_NULL, null=True, blank=True, related_name="+")
    contact = models.ForeignKey("crm.Contact", models.SET_NULL, null=True, blank=True, related_name="messages")
    # One of the record's files; protected, for a letter must not leave without what it says it brings.
    attachment = models.ForeignKey("crm.Attachment", models.PROTECT, null=True, blank=True, related_name="+")
    sender = models.CharField(_("from"), max_length=400, blank=True)
    is_automatic = models.BooleanField(_("auto-reply or bounce"), default=False)
    is_internal = models.BooleanField(_("hidden from the partner"), default=False)
    message_id = models.CharField(max_length=255, blank=True, db_index=True)
    key = models.CharField(max_length=100, null=True, unique=True, help_text="What a robot sends once, it sends once.")
    created_at = models.DateTimeField(_("created"), default=clock.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    not_before = models.DateTimeField(default=clock.now)
    claimed_at = models.DateTimeField(null=True)
    # When its text began to go out in this attempt: a worker that died before has sent nothing.
    handed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    is_unsure = models.BooleanField(_("unknown whether it left"), default=False)
    opened_at = models.DateTimeField(_("opened"), null=True)
    open_count = models.PositiveIntegerField(_("how often opened"), default=0)
    is_open_told = models.BooleanField(default=False, help_text="The event of the first opening was published.")
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes: ClassVar = [
            models.Index(fields=["record_type", "record_id", "-created_at"], name="message_of_record"),
            models.Index(
                fields=["not_before", "id"],
                name="message_to_send",
                condition=Q(state__in=["queued", "sending"]),
            ),
            models.Index(
                fields=["opened_at"], name="message_opened", condition=Q(opened_at__isnull=False, is_open_told=False)
            ),
        ]


class Call(RecordRef):
    """A phone call with a client, noted by hand or by telephony."""

    class Direction(models.TextChoices):
        IN = "in", _("Incoming")
        OUT = "out", _("Outgoing")

    direction = models.CharField(_("direction"), max_length=3, choices=Direction)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    at = models.DateTimeField(_("when"), default=clock.now)
    seconds = models.PositiveIntegerField(_("duration, s"), default=0)
    is_missed = models.BooleanField(_("missed"), default=False)
    note = models.TextField(_("note"), blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        indexes: ClassVar = [models.Index(fields=["record_type", "record_id", "-at"], name="call_of_record")]


class WebhookEndpoint(models.Model):
    """Where programs of others are told of what happens, seen with the eyes of its owner (COM-7)."""

    class Off(models.TextChoices):
        BY_HAND = "by_hand", _("switched off by hand")
        GONE = "gone", _("the other side wants no more (410)")
        FAILING = "failing", _("nothing has got through for days")

    key = models.SlugField(max_length=40, unique=True, default=public_key, editable=False)
    name = models.CharField(_("name"), max_length=100)
    url = models.CharField(_("address"), max_length=1000)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="webhooks", verbose_name=_("whose eyes it sees with")
    )
    events = models.JSONField(_("events"), default=list, blank=True, help_text="lead.created …; empty: robots alone.")
    is_active = models.BooleanField(_("switched on"), default=True)
    off_reason = models.CharField(max_length=10, choices=Off, blank=True, editable=False)
    # Secrets are made of these and the installation's own key: who reads the database cannot sign.
    seed = models.CharField(max_length=60, default=long_key, editable=False)
    old_seed = models.CharField(max_length=60, blank=True, editable=False)
    old_until = models.DateTimeField(null=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    silent_tries = models.PositiveIntegerField(default=0, editable=False, help_text="In a row, without any answer.")
    paused_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name", "id"]
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.name


class WebhookEvent(RecordRef):
    """Something that programs of others are told of, written in the transaction in which it happened."""

    uid = models.SlugField(max_length=40, unique=True, default=event_uid, help_text="webhook-id of its messages.")
    type = models.CharField(_("event"), max_length=40)
    at = models.DateTimeField(_("when"), default=clock.now)
    # {"changes": [{field, old, new}], "actor": {kind, id, name}, …}
    data = models.JSONField(default=dict)
    key = models.CharField(max_length=200, null=True, unique=True, help_text="A robot's run calls once.")
    rule_name = models.CharField(max_length=100, blank=True, help_text="The robot that called; empty for events.")
    position = models.BigIntegerField(
        null=True, unique=True, help_text="Given after the commit, without gaps: who has read up to it misses nothing."
    )

    class Meta:
        ordering: ClassVar = ["id"]
        verbose_name = _("event of webhooks")
        verbose_name_plural = _("events of webhooks")
        indexes: ClassVar = [
            models.Index(fields=["id"], name="webhook_event_to_number", condition=Q(position__isnull=True)),
            models.Index(fields=["at"], name="webhook_event_at"),
        ]


class WebhookDelivery(models.Model):
    """One message to one endpoint: sent at least once, with the same id and body however often it is tried."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        SENDING = "sending", _("Being sent")
        DONE = "done", _("Delivered")
        FAILED = "failed", _("Not delivered")
        WITHHELD = "withheld", _("Not shown to its owner")

    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(WebhookEvent, models.CASCADE, related_name="deliveries")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    body = models.TextField(blank=True, help_text="As first sent; empty before.")
    created_at = models.DateTimeField(_("created"), default=clock.now)
    not_before = models.DateTimeField(default=clock.now)
    claimed_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    status = models.PositiveSmallIntegerField(null=True, help_text="Of the latest answer.")
    answer = models.CharField(max_length=500, blank=True, help_text="Its first characters.")
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = _("delivery of a webhook")
        verbose_name_plural = _("deliveries of webhooks")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_delivery_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["not_before", "id"], name="webhook_to_send", condition=Q(state__in=["queued", "sending"])
            ),
            models.Index(fields=["endpoint", "-id"], name="webhook_log"),
            models.Index(fields=["created_at"], name="webhook_delivery_at"),
        ]
