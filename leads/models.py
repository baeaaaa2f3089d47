"""Leads: requests that came in and are not yet known to be worth a deal."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm import clock
from crm.models import Attribution, Company, Contact, RecordType, StagedRecord, StagesSeen, Tag
from deals.models import CopySet, Deal
from objects_registry.models import BuildingParameters, ConstructionObject


class Lead(StagedRecord, StagesSeen, Attribution, BuildingParameters):
    """A request of the manufacturer or, with `partner` set, of a partner (the twin of `origin`)."""

    RECORD_TYPE = RecordType.LEAD

    title = models.CharField(_("title"), max_length=255)
    title_is_manual = models.BooleanField(default=False, editable=False)
    name = models.CharField(pgettext_lazy("person", "name"), max_length=255, blank=True)
    company_name = models.CharField(_("company name"), max_length=255, blank=True)
    inn = models.CharField(_("INN"), max_length=12, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    phone_original = models.CharField(_("phone as given"), max_length=254, blank=True)
    email_original = models.CharField(_("e-mail as given"), max_length=254, blank=True)
    name_key = models.CharField(max_length=200, blank=True, editable=False)
    company_key = models.CharField(max_length=200, blank=True, editable=False)
    request_text = models.TextField(_("request"), blank=True)
    messages_consent = models.BooleanField(_("agrees to receive messages"), default=False)
    amount = models.DecimalField(_("amount"), max_digits=15, decimal_places=2, null=True, blank=True)
    contact = models.ForeignKey(
        Contact, models.SET_NULL, null=True, blank=True, related_name="leads", verbose_name=_("contact")
    )
    company = models.ForeignKey(
        Company, models.SET_NULL, null=True, blank=True, related_name="leads", verbose_name=_("company")
    )
    is_repeat = models.BooleanField(_("repeat"), default=False)
    object = models.ForeignKey(
        ConstructionObject,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="leads",
        verbose_name=_("object"),
    )
    duplicate_object = models.ForeignKey(
        ConstructionObject,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("possible duplicate of the object"),
    )
    duplicate_is_certain = models.BooleanField(default=False, editable=False)
    missing_minimum = models.JSONField(_("missing for qualifying"), default=list, blank=True, editable=False)
    deal = models.ForeignKey(Deal, models.SET_NULL, null=True, blank=True, related_name="leads", verbose_name=_("deal"))
    tags = models.ManyToManyField(Tag, blank=True, related_name="leads", verbose_name=_("tags"))
    mother_deal = models.ForeignKey(
        Deal, models.SET_NULL, null=True, blank=True, related_name="copy_leads", verbose_name=_("mother deal")
    )
    copy_set = models.ForeignKey(
        CopySet, models.PROTECT, null=True, blank=True, related_name="leads", verbose_name=_("set of copies")
    )
    upsell_by = models.ForeignKey(
        "accounts.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("who made the upsell"),
    )
    partner = models.ForeignKey(
        "accounts.Partner",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="leads",
        verbose_name=_("partner"),
    )
    origin = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="twins",
        verbose_name=_("manufacturer's lead"),
    )

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name = _("lead")
        verbose_name_plural = _("leads")
        indexes: ClassVar = [
            *StagedRecord.record_indexes("lead"),
            StagesSeen.cohort_index("lead"),
            StagesSeen.refusals_index("lead"),
            models.Index(fields=["name_key"], name="lead_name_key"),
            models.Index(fields=["company_key"], name="lead_company_key"),
            models.Index(fields=["inn"], name="lead_inn"),
            models.Index(fields=["partner", "stage"], name="lead_partner", condition=models.Q(partner__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.title

    def search_parts(self) -> list[Any]:
        return [self.title, self.name, self.company_name, self.inn, self.city, self.phone, self.email]


class LeadConversion(models.Model):
    """One conversion of a lead, with what it takes to take it back while nothing new hangs on the result (LEAD-10)."""

    lead = models.ForeignKey(Lead, models.CASCADE, related_name="conversions", verbose_name=_("lead"))
    deal_id = models.BigIntegerField(null=True)
    contact_id = models.BigIntegerField(null=True)
    company_id = models.BigIntegerField(null=True)
    snapshot = models.JSONField(help_text="Which of them were made, and what was changed in those that were there.")
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        verbose_name = _("conversion")
        verbose_name_plural = _("conversions")
        indexes: ClassVar = [models.Index(fields=["deal_id"], name="conversion_deal")]


class RoutingRule(models.Model):
    """A row of the routing table (LEAD-8): which leads it takes, and to whom they go; the first that matches wins."""

    class Target(models.TextChoices):
        PERSON = "person", _("A person")
        TEAM = "team", _("A team")
        PARTNER = "partner", _("A partner")

    class Share(models.TextChoices):
        ROUND_ROBIN = "round_robin", _("in turn")
        LEAST_LOADED = "least_loaded", _("whoever has the fewest open leads and deals")

    name = models.CharField(_("name"), max_length=100)
    order = models.PositiveIntegerField(_("order"), default=0)
    is_active = models.BooleanField(_("switched on"), default=True)
    conditions = models.JSONField(_("conditions"), default=dict, blank=True)
    target = models.CharField(_("goes to"), max_length=10, choices=Target)
    person = models.ForeignKey(
        "accounts.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("person")
    )
    team = models.ForeignKey(
        "accounts.Team", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("team")
    )
    share = models.CharField(_("within the team"), max_length=15, choices=Share, default=Share.ROUND_ROBIN, blank=True)
    partner = models.ForeignKey(
        "accounts.Partner", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("partner")
    )

    class Meta:
        ordering: ClassVar = ["order", "id"]
        verbose_name = _("routing rule")
        verbose_name_plural = _("routing table")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="routing_has_its_target",
                condition=models.Q(target="person", person__isnull=False)
                | models.Q(target="team", team__isnull=False)
                | models.Q(target="partner", partner__isnull=False),
                violation_error_message=_("Say to whom the lead goes."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def receiver(self) -> models.Model | None:
        """The person, the team or the partner that the row names."""
        found: models.Model | None = getattr(self, self.target, None)
        return found


class TeamTurn(models.Model):
    """Whose turn it was last in a team; its row is the lock by which two leads at once get two people."""

    team = models.OneToOneField("accounts.Team", models.CASCADE, primary_key=True, related_name="+")
    last = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("turn of a team")
        verbose_name_plural = _("turns of teams")
