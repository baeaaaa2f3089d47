"""What reports are set against: money spent on advertising, plans of the managers, rules of their bonus."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm import clock
from crm.models import Source

NOT_NEGATIVE = [MinValueValidator(Decimal(0))]
PERCENT = [*NOT_NEGATIVE, MaxValueValidator(Decimal(100))]


class AdSpend(models.Model):
    """What one advertising channel, or one campaign of it, cost in one month; roubles, VAT included (ANA-3)."""

    month = models.DateField(_("month"), help_text="The first day of the month.")
    source = models.ForeignKey(Source, models.PROTECT, related_name="+", verbose_name=_("source"))
    campaign = models.CharField(_("campaign"), max_length=255, blank=True, help_text="utm_campaign, or empty.")
    amount = models.DecimalField(_("spend, ₽"), max_digits=15, decimal_places=2, validators=NOT_NEGATIVE)
    changed_at = models.DateTimeField(_("changed"), default=clock.now, editable=False)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", editable=False
    )

    class Meta:
        ordering: ClassVar = ["-month", "source", "campaign"]
        verbose_name = _("advertising spend")
        verbose_name_plural = _("advertising spend")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["month", "source", "campaign"], name="ad_spend_once"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%m.%Y} {self.source_id}{f' · {self.campaign}' if self.campaign else ''}"


class SalesPlan(models.Model):
    """What a manager is to win in one month: roubles and contracts (ANA-5)."""

    month = models.DateField(_("month"), help_text="The first day of the month.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("manager"))
    amount = models.DecimalField(
        _("amount, ₽"), max_digits=15, decimal_places=2, default=Decimal(0), validators=NOT_NEGATIVE
    )
    contracts = models.PositiveIntegerField(_("contracts"), default=0)

    class Meta:
        ordering: ClassVar = ["-month", "user"]
        verbose_name = _("sales plan")
        verbose_name_plural = _("sales plans")
        constraints: ClassVar = [models.UniqueConstraint(fields=["month", "user"], name="sales_plan_once")]

    def __str__(self) -> str:
        return f"{self.month:%m.%Y} {self.user}"


class BonusRule(models.Model):
    """What a manager earns on what they win or sell again: a share of the amount, a sum per deal, or both (ANA-5)."""

    class Basis(models.TextChoices):
        WON = "won", _("Own contracts")
        UPSELL_MADE = "upsell_made", _("Upsells made")
        UPSELL_WON = "upsell_won", _("Upsells won")

    name = models.CharField(_("name"), max_length=100)
    basis = models.CharField(_("of what"), max_length=20, choices=Basis, default=Basis.WON)
    percent = models.DecimalField(
        _("of the amount, %"), max_digits=5, decimal_places=2, default=Decimal(0), validators=PERCENT
    )
    per_deal = models.DecimalField(
        _("for each deal, ₽"), max_digits=12, decimal_places=2, default=Decimal(0), validators=NOT_NEGATIVE
    )
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        ordering: ClassVar = ["order", "id"]
        verbose_name = _("bonus rule")
        verbose_name_plural = _("bonus rules")

    def __str__(self) -> str:
        return self.name
