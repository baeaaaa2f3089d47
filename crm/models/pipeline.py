"""Pipelines, stages, refusal reasons and the history of moves: stages are data, logic binds to codes and kinds."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.models.base import ActedRow, RecordRef, RecordType

# A set of stages is kept in one whole number of the database.
BITS = 63


class NamedRow(models.Model):
    """A row whose name an administrator keeps in both languages of the interface."""

    name_ru = models.CharField(_("name in Russian"), max_length=100)
    name_en = models.CharField(_("name in English"), max_length=100)

    class Meta:
        abstract = True

    @property
    def name(self) -> str:
        """The name in the language of the reader."""
        return self.name_en if (get_language() or "ru").startswith("en") else self.name_ru

    def __str__(self) -> str:
        return self.name


class Pipeline(NamedRow):
    """A direction through which records of one kind move."""

    code = models.SlugField(_("code"), primary_key=True, max_length=30)
    record_type = models.CharField(_("kind of record"), max_length=10, choices=RecordType)
    is_partner = models.BooleanField(_("partner pipeline"), default=False)
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        ordering: ClassVar = ["order", "code"]
        verbose_name = _("pipeline")
        verbose_name_plural = _("pipelines")


class Stage(NamedRow):
    """One stage of a pipeline; `key` is "<pipeline>:<code>" and is what a record's `stage` holds."""

    class Kind(models.TextChoices):
        OPEN = "open", _("Open")
        SUCCESS = "success", _("Success")
        FAILURE = "failure", _("Failure")
        NEUTRAL = "neutral", _("Neutral")

    class Colour(models.TextChoices):
        GRAY = "gray", _("Gray")
        BLUE = "blue", _("Blue")
        AZURE = "azure", _("Azure")
        INDIGO = "indigo", _("Indigo")
        PURPLE = "purple", _("Purple")
        PINK = "pink", _("Pink")
        RED = "red", _("Red")
        ORANGE = "orange", _("Orange")
        YELLOW = "yellow", _("Yellow")
        LIME = "lime", _("Lime")
        GREEN = "green", _("Green")
        TEAL = "teal", _("Teal")
        CYAN = "cyan", _("Cyan")

    key = models.CharField(primary_key=True, max_length=80, editable=False)
    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="stages", verbose_name=_("pipeline"))
    code = models.SlugField(_("code"), max_length=40)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.OPEN)
    is_start = models.BooleanField(_("start stage"), default=False)
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    colour = models.CharField(_("colour"), max_length=10, choices=Colour, default=Colour.BLUE)
    norm_hours = models.PositiveIntegerField(_("time norm, hours"), null=True, blank=True)
    probability = models.PositiveSmallIntegerField(_("probability of success, %"), default=0)
    required = models.JSONField(_("required fields"), default=list, blank=True)
    can_win = models.BooleanField(_("success can follow"), default=False)
    returns_anywhere = models.BooleanField(_("leads to any open stage"), default=False)
    is_detour = models.BooleanField(_("aside from the main path"), default=False)
    advice = models.TextField(_("advice when its share of the refusals is too large"), blank=True)
    is_shipped = models.BooleanField(default=False, editable=False)
    # Its place in the set of stages that a record has stood in (StagesSeen); given once, whatever the order becomes.
    bit = models.PositiveSmallIntegerField(null=True, editable=False)
    is_hidden = models.BooleanField(_("hidden"), default=False)

    class Meta:
        ordering: ClassVar = ["pipeline", "order"]
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pipeline", "code"], name="stage_code_once_per_pipeline"),
            models.UniqueConstraint(
                fields=["pipeline"], condition=models.Q(is_start=True), name="stage_one_start_per_pipeline"
            ),
            models.CheckConstraint(
                name="stage_start_is_open", condition=models.Q(is_start=False) | models.Q(kind="open")
            ),
        ]

    @staticmethod
    def make_key(pipeline: str, code: str) -> str:
        """The key of a stage: "deal:negotiation"."""
        return f"{pipeline}:{code}"

    def save(self, **kwargs: object) -> None:
        """Keep the key in step with pipeline and code on first save; a new stage gets the lowest bit that is free."""
        if not self.key:
            self.key = self.make_key(self.pipeline_id, self.code)
        if self._state.adding and self.bit is None:
            self.bit = self.free_bit()
        super().save(**kwargs)  # type: ignore[arg-type]

    def free_bit(self) -> int | None:
        """The lowest bit that no other stage of the pipeline has."""
        taken = set(Stage.objects.filter(pipeline=self.pipeline_id).values_list("bit", flat=True))
        return next((bit for bit in range(BITS) if bit not in taken), None)

    @property
    def is_open(self) -> bool:
        return self.kind == self.Kind.OPEN

    @property
    def is_failure(self) -> bool:
        return self.kind == self.Kind.FAILURE


class RefusalReason(NamedRow):
    """A reason, or in the deal pipelines a detail, offered when a record enters its failure stage (PIPE-4)."""

    stage = models.ForeignKey(Stage, models.CASCADE, related_name="reasons", verbose_name=_("stage"))
    asks_competitor = models.BooleanField(_("asks for the competitor and its price"), default=False)
    # None of the others: where it is chosen too often, the list lacks the true reasons.
    is_other = models.BooleanField(_("“other”"), default=False)
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        ordering: ClassVar = ["stage", "order", "id"]
        verbose_name = _("refusal reason")
        verbose_name_plural = _("refusal reasons")


class StageMapping(models.Model):
    """Which stage of another direction answers to a stage, as the sales head has settled it (DEAL-10)."""

    from_stage = models.ForeignKey(Stage, models.CASCADE, related_name="+", verbose_name=_("stage"))
    to_pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="+", verbose_name=_("other pipeline"))
    to_stage = models.ForeignKey(Stage, models.CASCADE, related_name="+", verbose_name=_("its stage"))

    class Meta:
        ordering: ClassVar = ["from_stage", "to_pipeline"]
        verbose_name = _("mapping of stages")
        verbose_name_plural = _("mapping of stages")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["from_stage", "to_pipeline"], name="stage_mapping_once")
        ]

    def __str__(self) -> str:
        return f"{self.from_stage_id} → {self.to_stage_id}"


class StageHistory(RecordRef, ActedRow):
    """One move of one record; time-in-stage and conversion reports read these rows alone (PIPE-5)."""

    pipeline = models.ForeignKey(Pipeline, models.PROTECT, related_name="+")
    from_stage = models.ForeignKey(Stage, models.PROTECT, null=True, related_name="+")
    to_stage = models.ForeignKey(Stage, models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)
    seconds = models.BigIntegerField(null=True, help_text="How long the record stood in from_stage, seconds.")
    is_back = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        verbose_name = _("stage move")
        verbose_name_plural = _("stage history")
        indexes: ClassVar = [
            models.Index(fields=["record_type", "record_id", "at"], name="history_of_record"),
            models.Index(fields=["pipeline", "to_stage", "at"], name="history_by_stage"),
        ]
