"""What the manufacturer keeps about a partner beyond its name and users."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Partner
from crm import clock
from crm.models import ActedRow, Company, RecordRef
from crm.querysets import VisibleQuerySet
from deals.models import Deal


class PartnerProfile(models.Model):
    """Registry entry of a partner: its company, regions, contract (PART-1)."""

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
    contract = models.CharField(_("contract"), max_length=200, blank=True)
    comment = models.TextField(_("comment"), blank=True)

    class Meta:
        verbose_name = _("partner profile")
        verbose_name_plural = _("partner profiles")

    def __str__(self) -> str:
        return self.partner.name


def document_path(document: PartnerDocument, filename: str) -> str:
    """Where a paper lies: named by chance, so that no name of a partner is in a path."""
    return f"partner-documents/{clock.now():%Y/%m}/{secrets.token_urlsafe(16)}"


class PartnerDocument(models.Model):
    """A paper of a partner: its contract, an addendum; served only through a view that asks who controls partners."""

    class Kind(models.TextChoices):
        CONTRACT = "contract", _("Contract")
        ADDENDUM = "addendum", _("Addendum")
        POWER = "power", _("Power of attorney")
        ACT = "act", _("Act")
        OTHER = "other", pgettext_lazy("document", "Other")

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="documents", verbose_name=_("partner"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.CONTRACT)
    number = models.CharField(_("number"), max_length=60, blank=True)
    day = models.DateField(_("dated"), null=True, blank=True)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    comment = models.CharField(_("comment"), max_length=300, blank=True)
    file = models.FileField(upload_to=document_path)
    name = models.CharField(_("name"), max_length=255)
    size = models.PositiveBigIntegerField(_("size, bytes"))
    content_type = models.CharField(max_length=100)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = _("document of a partner")
        verbose_name_plural = _("documents of partners")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="partner_document_days",
                condition=models.Q(day__isnull=True)
                | models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gte=models.F("day")),
                violation_error_message=_("It ends before it begins."),
            )
        ]

    def __str__(self) -> str:
        """«Contract № 15 of 01.02.2026», what is known of it."""
        parts = [self.get_kind_display(), f"№ {self.number}" if self.number else ""]
        if self.day:
            parts.append(_("of %(day)s") % {"day": f"{self.day:%d.%m.%Y}"})
        return " ".join(str(part) for part in parts if part)


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
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    accepted_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, blank=True, related_name="+")
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


class CommissionRule(models.Model):
    """What a partner is due of a won deal from a day on: a percent, or percents by steps of an amount (PART-6).

    A change is a row of its own and no row is ever changed: what was won before was computed by the row of then.
    """

    class Span(models.TextChoices):
        DEAL = "deal", _("the deal itself")
        MONTH = "month", _("all won in the calendar month")
        QUARTER = "quarter", _("all won in the calendar quarter")
        YEAR = "year", _("all won in the calendar year")

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="commission_rules", verbose_name=_("partner"))
    valid_from = models.DateField(_("in force from"))
    steps = models.JSONField(
        _("steps"), help_text="Pairs [from what amount, percent], decimals as texts, ascending, the first from 0."
    )
    span = models.CharField(_("the step is chosen by"), max_length=10, choices=Span, default=Span.DEAL)
    comment = models.CharField(_("comment"), max_length=300, blank=True)
    set_at = models.DateTimeField(default=clock.now, editable=False)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-valid_from", "-pk"]
        verbose_name = _("terms of commission")
        verbose_name_plural = _("terms of commission")
        indexes: ClassVar = [models.Index(fields=["partner", "-valid_from", "-id"], name="commission_in_force")]

    def __str__(self) -> str:
        return ", ".join(f"{start}: {percent} %" for start, percent in self.steps)

    @property
    def ladder(self) -> list[tuple[Decimal, Decimal]]:
        """The steps as numbers: from what amount, what percent."""
        return [(Decimal(start), Decimal(percent)) for start, percent in self.steps]


class CommissionEntry(ActedRow):
    """One line of a partner's commission ledger, in roubles; written once, mended only by another line (PART-6).

    What the partner is due is the sum of the lines: accruals and corrections as they are, reversals and payments with
    a minus. `basis` keeps what an accrual was computed of: amount, terms, steps, what had been won before.
    """

    class Kind(models.TextChoices):
        ACCRUAL = "accrual", _("Accrual")
        REVERSAL = "reversal", _("Reversal")
        CORRECTION = "correction", _("Correction")
        PAYMENT = "payment", _("Payment")

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="commission_entries", verbose_name=_("partner"))
    deal = models.ForeignKey(
        Deal, models.PROTECT, null=True, blank=True, related_name="commission_entries", verbose_name=_("deal")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    day = models.DateField(_("day"), help_text="Of the company's calendar; periods are cut by it.")
    amount = models.DecimalField(_("commission"), max_digits=15, decimal_places=2)
    base = models.DecimalField(_("won amount"), max_digits=15, decimal_places=2, default=Decimal(0))
    percent = models.DecimalField(_("percent"), max_digits=5, decimal_places=2, null=True, blank=True)
    rule = models.ForeignKey(
        CommissionRule, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("terms of commission")
    )
    basis = models.JSONField(default=dict)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    key = models.CharField(max_length=100, unique=True, help_text="What makes the same line the same line.")

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["day", "pk"]
        verbose_name = _("line of the commission ledger")
        verbose_name_plural = _("commission ledger")
        indexes: ClassVar = [models.Index(fields=["partner", "day", "id"], name="commission_of_partner")]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="commission_signs",
                condition=models.Q(kind="accrual", amount__gte=0)
                | models.Q(kind="payment", amount__lt=0)
                | models.Q(kind__in=["reversal", "correction"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse to change a line: whoever reads a statement today must read the same tomorrow."""
        if not self._state.adding:
            raise TypeError("A line of the ledger is never changed.")
        super().save(*args, **kwargs)
