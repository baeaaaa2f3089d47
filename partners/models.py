"""What the manufacturer keeps about a partner beyond its name and users."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Partner
from crm import clock
from crm.models import Company, RecordRef


class PartnerProfile(models.Model):
    """Registry entry of a partner: its company, regions, commission, contract (PART-1)."""

    partner = models.OneToOneField(Partner, models.CASCADE, related_name="profile", verbose_name=_("partner"))
    company = models.OneToOneField(
        Company,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="partner_profile",
        verbose_name=_("company"),
    )
    regions = models.JSONField(_("regions"), default=list, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    contact_name = models.CharField(_("contact person"), max_length=200, blank=True)
    commission_percent = models.DecimalField(
        _("commission, % of the won amount"),
        max_digits=5,
        decimal_places=2,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
    )
    contract = models.CharField(_("contract"), max_length=200, blank=True)
    comment = models.TextField(_("comment"), blank=True)

    class Meta:
        verbose_name = _("partner profile")
        verbose_name_plural = _("partner profiles")

    def __str__(self) -> str:
        return self.partner.name


class Handoff(RecordRef):
    """One hand-over of a manufacturer's record to a partner, until it is recalled or finished (PART-2)."""

    class State(models.TextChoices):
        ACTIVE = "active", _("With the partner")
        RECALLED = "recalled", _("Recalled")
        FINISHED = "finished", _("Finished")

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="handoffs", verbose_name=_("partner"))
    twin_id = models.BigIntegerField(help_text="The partner's record, of the same kind.")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ACTIVE)
    stage_before = models.CharField(max_length=80, blank=True, help_text="Where the record stood before.")
    comment = models.TextField(_("comment"), blank=True)
    handed_at = models.DateTimeField(_("handed over"), default=clock.now)
    handed_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    ended_at = models.DateTimeField(_("ended"), null=True)
    end_reason = models.TextField(_("why it ended"), blank=True)
    waiting_since = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When the record entered the stage in which control may hand it on; no longer true once it moves.",
    )

    class Meta:
        ordering: ClassVar = ["-handed_at"]
        verbose_name = _("hand-over")
        verbose_name_plural = _("hand-overs")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["record_type", "record_id"],
                condition=models.Q(state="active"),
                name="handoff_one_active_per_record",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["record_type", "twin_id"], name="handoff_twin"),
            models.Index(
                fields=["record_type", "record_id"],
                condition=models.Q(waiting_since__isnull=False),
                name="handoff_waiting",
            ),
        ]
