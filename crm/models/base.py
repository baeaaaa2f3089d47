"""The building blocks that records share: kinds of record, references to them, attribution, the staged record."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_fsm import RETURN_VALUE, ConcurrentTransitionMixin, FSMFieldMixin, FSMKeyField, transition

from crm import clock
from crm.links import link
from crm.prepared_writes import PreparedWrites
from crm.querysets import RecordQuerySet


class RecordType(models.TextChoices):
    """The five kinds of record; the value is what the API, the audit trail and the URLs call them."""

    LEAD = "lead", _("Lead")
    DEAL = "deal", _("Deal")
    CONTACT = "contact", _("Contact")
    COMPANY = "company", _("Company")
    OBJECT = "object", _("Construction object")


RECORD_MODELS: dict[str, str] = {
    RecordType.LEAD: "leads.Lead",
    RecordType.DEAL: "deals.Deal",
    RecordType.CONTACT: "crm.Contact",
    RecordType.COMPANY: "crm.Company",
    RecordType.OBJECT: "objects_registry.ConstructionObject",
}


def record_model(record_type: str) -> type[StagedRecord]:
    """The model class of a kind of record; KeyError for an unknown kind."""
    return apps.get_model(RECORD_MODELS[record_type])


class RecordRef(PreparedWrites, models.Model):
    """A row that hangs on one record of any kind, by (record_type, record_id).

    Stable words instead of content-type numbers keep SQL reports, exports and database policies readable.
    """

    record_type = models.CharField(max_length=10, choices=RecordType)
    record_id = models.BigIntegerField()

    class Meta:
        abstract = True

    @property
    def record(self) -> StagedRecord | None:
        """The record itself, whoever asks; None when it is gone. Check visibility before showing it."""
        from crm.rows import row

        if not self.record_type:
            return None
        return row(record_model(self.record_type), self.record_id)


class ActorKind(models.TextChoices):
    """Who makes a change (ACC-5)."""

    USER = "user", _("User")
    TOKEN = "token", _("API token")
    ROBOT = "robot", _("Robot")
    IMPORT = "import", _("Import")
    FORM = "form", _("Web form")
    SYSTEM = "system", _("System")


class ActedRow(models.Model):
    """Columns that say who did it and when."""

    at = models.DateTimeField(default=clock.now, editable=False)
    actor_kind = models.CharField(max_length=10, choices=ActorKind, default=ActorKind.SYSTEM)
    actor_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    actor_name = models.CharField(max_length=150, blank=True)

    class Meta:
        abstract = True


class Channel(models.TextChoices):
    """By which way a request came in (LEAD-1)."""

    FORM = "form", _("Web form")
    API = "api", _("API")
    EMAIL_SHARED = "email_shared", _("Shared mailbox")
    EMAIL_PERSONAL = "email_personal", _("Manager's mailbox")
    PHONE = "phone", _("Phone call")
    MESSENGER = "messenger", _("Messenger")
    MANUAL = "manual", _("By hand")
    IMPORT = "import", _("Import")
    COPY = "copy", _("Copy of a deal")


# Ways by which requests come in by themselves.
INTAKE_CHANNELS: tuple[str, ...] = (
    Channel.FORM,
    Channel.EMAIL_SHARED,
    Channel.EMAIL_PERSONAL,
    Channel.PHONE,
    Channel.MESSENGER,
)


class Attribution(models.Model):
    """Where a client came from: source, channel, five UTM marks, click ids (LEAD-1)."""

    source = models.ForeignKey(
        "crm.Source", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("source")
    )
    channel = models.CharField(_("channel"), max_length=20, choices=Channel, default=Channel.MANUAL)
    utm_source = models.CharField("utm_source", max_length=255, blank=True)
    utm_medium = models.CharField("utm_medium", max_length=255, blank=True)
    utm_campaign = models.CharField("utm_campaign", max_length=255, blank=True)
    utm_content = models.CharField("utm_content", max_length=255, blank=True)
    utm_term = models.CharField("utm_term", max_length=255, blank=True)
    referrer = models.CharField(_("referrer"), max_length=2000, blank=True)
    landing_page = models.CharField(_("landing page"), max_length=2000, blank=True)
    click_ids = models.JSONField(_("click ids"), default=dict, blank=True)

    class Meta:
        abstract = True


ATTRIBUTION_FIELDS: tuple[str, ...] = tuple(field.name for field in Attribution._meta.local_fields)


class Place(models.Model):
    """An address as typed, with the region and city read out of it and the form used for matching."""

    address = models.CharField(_("address"), max_length=500, blank=True)
    region = models.CharField(_("region"), max_length=100, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)

    class Meta:
        abstract = True


class StagesSeen(models.Model):
    """What the stage history of a lead or a deal comes to, on the record itself: reports count without reading it.

    Both columns are written by the mover together with the history; crm.stages_seen makes them anew out of it.
    """

    # The bits (Stage.bit) of all stages of its present pipeline that it has ever stood in.
    stages_seen = models.BigIntegerField(default=0, editable=False)
    # The key of the stage that its latest refusal closed it in.
    lost_from = models.CharField(max_length=80, blank=True, editable=False)

    class Meta:
        abstract = True

    @classmethod
    def cohort_index(cls, prefix: str) -> models.Index:
        """What the funnel of a period asks of all records of it is answered from this index alone."""
        columns = ["pipeline", "created_at", "copy_set", "stage", "stages_seen", "amount", "responsible", "id"]
        living = Q(deleted_at__isnull=True, merged_into__isnull=True)
        return models.Index(fields=columns, name=f"{prefix}_cohort", condition=living)

    @classmethod
    def refusals_index(cls, prefix: str) -> models.Index:
        """The same for the refusals of a period."""
        columns = ["pipeline", "closed_at", "stage", "refusal_reason", "lost_from", "amount", "responsible", "id"]
        living = Q(deleted_at__isnull=True, merged_into__isnull=True, closed_at__isnull=False)
        return models.Index(fields=columns, name=f"{prefix}_refusals", condition=living)


@cache
def _stage_fields(model: type[models.Model]) -> tuple[Any, ...]:
    """The fields that django-fsm guards. It looks through all sixty for every record that is read."""
    return tuple(field for field in model._meta.fields if isinstance(field, FSMFieldMixin))


class StagedRecord(PreparedWrites, ConcurrentTransitionMixin, models.Model):
    """A record that moves through a pipeline. `stage` holds the stage's key; only crm.stages.move() changes it."""

    RECORD_TYPE: ClassVar[str]

    pipeline = models.ForeignKey("crm.Pipeline", models.PROTECT, related_name="+", verbose_name=_("pipeline"))
    stage = FSMKeyField("crm.Stage", on_delete=models.PROTECT, related_name="+", verbose_name=_("stage"))
    stage_entered_at = models.DateTimeField(_("in stage since"), default=clock.now, editable=False)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True, editable=False)
    refusal_reason = models.ForeignKey(
        "crm.RefusalReason",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("refusal reason"),
    )
    refusal_comment = models.TextField(_("refusal comment"), blank=True)
    responsible = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("responsible"),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), default=clock.now, editable=False)
    last_activity_at = models.DateTimeField(_("last activity"), default=clock.now, editable=False)
    next_activity_at = models.DateTimeField(_("next step"), null=True, blank=True, editable=False)
    next_activity_title = models.CharField(max_length=255, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    search_text = models.TextField(blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="merged_records", editable=False
    )

    objects = RecordQuerySet.as_manager()

    class Meta:
        abstract = True

    # -- transitions: each answers the target's key, so that django-fsm writes it ------------------------------------

    @transition(field="stage", source="*", target=RETURN_VALUE(), custom={"label": _("Move forward")})
    def advance(self, to: str) -> str:
        """From an open stage to a later open one."""
        return to

    @transition(field="stage", source="*", target=RETURN_VALUE(), custom={"label": _("Succeed")})
    def succeed(self, to: str) -> str:
        """Finish with success."""
        return to

    @transition(field="stage", source="*", target=RETURN_VALUE(), custom={"label": _("Refuse")})
    def refuse(self, to: str) -> str:
        """Finish with a refusal; crm.stages has checked the reason."""
        return to

    @transition(field="stage", source="*", target=RETURN_VALUE(), custom={"label": _("Set aside")})
    def set_aside(self, to: str) -> str:
        """Close as neither won nor lost, outside quality and conversion reports."""
        return to

    @transition(field="stage", source="*", target=RETURN_VALUE(), custom={"label": _("Move back")})
    def go_back(self, to: str) -> str:
        """Return to an earlier open stage, with a reason."""
        return to

    @transition(field="stage", source="*", target=RETURN_VALUE(), custom={"label": _("Reopen")})
    def reopen(self, to: str) -> str:
        """Open a finished record again, with a reason."""
        return to

    @property
    def state_fields(self) -> tuple[Any, ...]:
        """What is compared with the database when the record is saved (django-fsm); the same for all of a kind."""
        return _stage_fields(type(self))

    def _update_initial_state(self) -> None:
        super()._update_initial_state()
        self._stage_as_read = [(field, field.value_from_object(self)) for field in self.state_fields]

    def bound_to(self) -> list[tuple[Any, Any]]:
        """What django-fsm has the row compared with when it is saved: nobody else may have moved it meanwhile."""
        return self._stage_as_read

    # -- what every record answers -----------------------------------------------------------------------------------

    @property
    def stage_row(self) -> Any:
        """The Stage behind the key, from the request's catalogue (no query per row)."""
        from crm import pipelines

        return pipelines.stage(self.stage)

    @property
    def is_open(self) -> bool:
        return self.stage_row.kind == "open"

    def get_absolute_url(self) -> str:
        return link(f"{self.RECORD_TYPE}-detail", self.pk)

    def search_parts(self) -> list[object]:
        """What global search finds the record by; joined and normalised into `search_text`."""
        return [str(self)]

    @classmethod
    def record_indexes(cls, prefix: str) -> list[models.Index]:
        """The indexes that lists and boards of every kind of record need."""
        return [
            models.Index(fields=["pipeline", "stage", "-stage_entered_at"], name=f"{prefix}_board"),
            models.Index(fields=["responsible", "stage"], name=f"{prefix}_responsible"),
            # Counts of living records, by pipeline and by stage, are answered from this index alone.
            models.Index(
                fields=["pipeline", "stage"],
                name=f"{prefix}_alive",
                condition=Q(deleted_at__isnull=True, merged_into__isnull=True),
            ),
            models.Index(fields=["-created_at", "-id"], name=f"{prefix}_created"),
            models.Index(
                fields=["next_activity_at"],
                name=f"{prefix}_next",
                condition=Q(next_activity_at__isnull=False),
            ),
        ]
