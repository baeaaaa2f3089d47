"""What reports are set against (spend, plans, bonus rules), and what people want of them: tiles, a weekly letter."""

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
        """«11.2026 Реклама ВКонтакте · autumn»: by the name of the source, as the reader knows it."""
        return f"{self.month:%m.%Y} {self.source}{f' · {self.campaign}' if self.campaign else ''}"


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


class TileChoice(models.Model):
    """The tiles of one person's page of figures, in their order; who has no row has those of their role."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    tiles = models.JSONField(_("tiles"), default=list, help_text="Codes of analytics.dashboard.registry.")
    changed_at = models.DateTimeField(_("changed"), default=clock.now)

    class Meta:
        verbose_name = _("choice of tiles")
        verbose_name_plural = _("choices of tiles")

    def __str__(self) -> str:
        return f"{self.user_id}: {', '.join(self.tiles)}"


class DigestChoice(models.Model):
    """Does a person get the weekly letter with their figures, and when; heads get it unless they say no."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    is_on = models.BooleanField(_("send it to me"))
    weekday = models.PositiveSmallIntegerField(
        _("day"), default=1, validators=[MinValueValidator(1), MaxValueValidator(7)], help_text="Monday is 1."
    )
    hour = models.PositiveSmallIntegerField(
        _("hour"), default=9, validators=[MaxValueValidator(23)], help_text="In the company's time zone."
    )

    class Meta:
        verbose_name = _("weekly letter of a person")
        verbose_name_plural = _("weekly letters of people")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(weekday__range=(1, 7), hour__range=(0, 23)), name="digest_when"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.weekday}, {self.hour}"
