"""Deals: what a client is going to buy, for how much and when."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from crm import clock
from crm.models import Attachment, Attribution, Company, Contact, NamedRow, RecordType, StagedRecord, StagesSeen, Tag
from crm.querysets import VisibleQuerySet
from deals import money
from objects_registry.models import BuildingParameters, ConstructionObject

NOT_NEGATIVE = [MinValueValidator(Decimal(0))]


class CopySet(models.Model):
    """One run of «Создать копию ЛИД + Сделка»: so many leads and deals from one mother deal (DEAL-9)."""

    mother = models.ForeignKey("deals.Deal", models.PROTECT, related_name="copy_sets", verbose_name=_("mother deal"))
    key = models.CharField(max_length=100, unique=True, help_text="What makes a repeated request the same request.")
    count = models.PositiveSmallIntegerField(_("how many"))
    upsell_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("who made the upsell"),
    )
    created_at = models.DateTimeField(_("created"), default=clock.now)
    undone_at = models.DateTimeField(_("undone"), null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = _("set of copies")
        verbose_name_plural = _("sets of copies")


class Deal(StagedRecord, StagesSeen, Attribution, BuildingParameters):
    """A deal of the manufacturer or, with `partner` set, of a partner (the twin of `origin`)."""

    RECORD_TYPE = RecordType.DEAL

    title = models.CharField(_("title"), max_length=255, blank=True)
    title_is_manual = models.BooleanField(_("title entered by hand"), default=False, editable=False)
    contact = models.ForeignKey(
        Contact, models.PROTECT, null=True, blank=True, related_name="deals", verbose_name=_("contact")
    )
    company = models.ForeignKey(
        Company, models.PROTECT, null=True, blank=True, related_name="deals", verbose_name=_("company")
    )
    object = models.ForeignKey(
        ConstructionObject,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="deals",
        verbose_name=_("object"),
    )
    request_text = models.TextField(_("request"), blank=True)
    amount = models.DecimalField(
        _("amount"), max_digits=15, decimal_places=2, null=True, blank=True, validators=NOT_NEGATIVE
    )
    amount_is_manual = models.BooleanField(_("amount entered by hand"), default=False, editable=False)
    currency = models.CharField(_("currency"), max_length=3, default="RUB")
    expected_close_date = models.DateField(_("expected close"), null=True, blank=True)
    contract_number = models.CharField(_("contract number"), max_length=50, blank=True)
    contract_date = models.DateField(_("contract date"), null=True, blank=True)
    competitor = models.CharField(_("competitor"), max_length=200, blank=True)
    competitor_price = models.DecimalField(
        _("competitor's price"),
        max_digits=15,
        decimal_places=2,
        null=True,
        blank=True,
        validators=NOT_NEGATIVE,
    )
    feedback_product = models.PositiveSmallIntegerField(_("score of the product, 1–5"), null=True, blank=True)
    feedback_partner = models.PositiveSmallIntegerField(_("score of the partner, 1–5"), null=True, blank=True)
    feedback_text = models.TextField(_("client's feedback"), blank=True)
    # When the lead came that it was made from; nothing where it is itself the request.
    requested_at = models.DateTimeField(_("requested"), null=True, editable=False)
    tags = models.ManyToManyField(Tag, blank=True, related_name="deals", verbose_name=_("tags"))
    mother = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="copies", verbose_name=_("mother deal")
    )
    copy_set = models.ForeignKey(
        CopySet, models.PROTECT, null=True, blank=True, related_name="deals", verbose_name=_("set of copies")
    )
    upsell_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
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
        related_name="deals",
        verbose_name=_("partner"),
    )
    origin = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="twins",
        verbose_name=_("manufacturer's deal"),
    )

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name = _("deal")
        verbose_name_plural = _("deals")
        indexes: ClassVar = [
            *StagedRecord.record_indexes("deal"),
            StagesSeen.cohort_index("deal"),
            StagesSeen.refusals_index("deal"),
            models.Index(fields=["partner", "stage"], name="deal_partner", condition=models.Q(partner__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def client(self) -> Company | Contact | None:
        """Who buys: the company where there is one, else the person."""
        return self.company or self.contact

    def timeline_ancestors(self) -> dict[str, list[int]]:
        """The records whose timeline this one continues: the leads it was made from (LEAD-10)."""
        return {"lead": list(self.leads.values_list("pk", flat=True))}

    def search_parts(self) -> list[Any]:
        return [self.title, self.contract_number, self.city, self.contact, self.company]


class Vat(models.TextChoices):
    """VAT rates, percent; prices include it."""

    NONE = "none", _("no VAT")
    ZERO = "0", "0 %"
    FIVE = "5", "5 %"
    SEVEN = "7", "7 %"
    TEN = "10", "10 %"
    TWENTY = "20", "20 %"
    TWENTY_TWO = "22", "22 %"

    @property
    def rate(self) -> Decimal | None:
        """Percent; None without VAT."""
        return None if self is Vat.NONE else Decimal(self.value)


DISCOUNT = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))]


class Product(NamedRow):
    """A product or service of the catalogue: what it costs per unit, VAT included."""

    name_ru = models.CharField(_("name in Russian"), max_length=255)
    name_en = models.CharField(_("name in English"), max_length=255)
    unit = models.CharField(_("unit"), max_length=20, default="шт.")
    price = models.DecimalField(_("price"), max_digits=15, decimal_places=2, validators=NOT_NEGATIVE)
    vat = models.CharField(_("VAT"), max_length=4, choices=Vat, default=Vat.TWENTY_TWO)
    per_tonne = models.BooleanField(_("by the tonne: the quantity is the tonnage of the deal"), default=False)
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        ordering: ClassVar = ["order", "name_ru", "id"]
        verbose_name = _("product of the catalogue")
        verbose_name_plural = _("catalogue of products")
        constraints: ClassVar = [models.UniqueConstraint(fields=["name_ru"], name="product_name_once")]


class DealLine(models.Model):
    """A product or service of a deal: quantity times price less a discount, in the deal's currency, VAT included."""

    deal = models.ForeignKey(Deal, models.CASCADE, related_name="lines")
    product = models.ForeignKey(
        Product, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("from the catalogue")
    )
    name = models.CharField(_("product or service"), max_length=255)
    quantity = models.DecimalField(
        _("quantity"), max_digits=12, decimal_places=3, default=Decimal(1), validators=NOT_NEGATIVE
    )
    unit = models.CharField(_("unit"), max_length=20, blank=True)
    price = models.DecimalField(_("price"), max_digits=15, decimal_places=2, validators=NOT_NEGATIVE)
    discount = models.DecimalField(
        _("discount, %"), max_digits=5, decimal_places=2, default=Decimal(0), validators=DISCOUNT
    )
    vat = models.CharField(_("VAT"), max_length=4, choices=Vat, default=Vat.TWENTY_TWO)
    per_tonne = models.BooleanField(_("by the tonne"), default=False)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["order", "id"]
        verbose_name = _("product or service")
        verbose_name_plural = _("products and services")

    @property
    def full(self) -> Decimal:
        """What it would cost without the discount."""
        return money.line_total(self.quantity, self.price)

    @property
    def total(self) -> Decimal:
        """Quantity times price less the discount, to the kopeck."""
        return money.line_total(self.quantity, self.price, self.discount)

    @property
    def vat_rate(self) -> Decimal | None:
        """Percent; None without VAT."""
        return Vat(self.vat).rate

    @property
    def vat_amount(self) -> Decimal:
        """The VAT within the total."""
        return money.vat_within(self.total, self.vat_rate)


class NumberSeries(models.Model):
    """The last number given to documents of a kind in a year; taken under a lock, so none is doubled or left out."""

    kind = models.CharField(max_length=10)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("number series")
        verbose_name_plural = _("number series")
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "year"], name="number_series_once")]


class Document(models.Model):
    """One version of a quote, contract or invoice: what it said, as it stood then; a change is a new version."""

    class Kind(models.TextChoices):
        QUOTE = "quote", _("Quote")
        CONTRACT = "contract", _("Contract")
        INVOICE = "invoice", _("Invoice")

    deal = models.ForeignKey(Deal, models.CASCADE, related_name="documents", verbose_name=_("deal"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    year = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField(_("number"))
    printed = models.CharField(max_length=60, help_text="The number as the template made it, without the version.")
    version = models.PositiveSmallIntegerField(_("version"), default=1)
    is_latest = models.BooleanField(default=True, help_text="No later version of the same number.")
    date = models.DateField(_("date"))
    until = models.DateField(
        _("until"), null=True, blank=True, help_text="A quote is valid, an invoice is to be paid until that day."
    )
    language = models.CharField(_("language"), max_length=5, choices=User.Language, default=User.Language.RU)
    content = models.JSONField(help_text="Seller, client, lines, totals and text as they were printed.")
    total = models.DecimalField(_("total"), max_digits=20, decimal_places=2)
    attachment = models.ForeignKey(Attachment, models.PROTECT, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    # The latest sending; `letter` knows what became of it.
    sent_at = models.DateTimeField(_("sent"), null=True, editable=False)
    sent_to = models.CharField(_("sent to"), max_length=254, blank=True, editable=False)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+")
    letter = models.ForeignKey("communications.Message", models.SET_NULL, null=True, editable=False, related_name="+")
    # A number that is void is void in all its versions.
    voided_at = models.DateTimeField(_("void since"), null=True, editable=False)
    voided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    void_reason = models.CharField(_("why it is void"), max_length=500, blank=True, editable=False)
    signed_on = models.DateField(_("signed on"), null=True, blank=True)
    signed_file = models.ForeignKey(Attachment, models.PROTECT, null=True, blank=True, related_name="+")
    paid = models.DecimalField(_("paid"), max_digits=20, decimal_places=2, default=Decimal(0))
    paid_on = models.DateField(_("paid on"), null=True, blank=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-date", "-id"]
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "year", "number", "version"], name="document_number_once"),
            models.CheckConstraint(
                name="paid_within_the_total", condition=models.Q(paid__gte=0, paid__lte=models.F("total"))
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-date", "-id"], name="document_by_date"),
            models.Index(
                fields=["until"],
                name="document_to_be_paid",
                condition=models.Q(kind="invoice", is_latest=True, voided_at=None, paid__lt=models.F("total")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label}, {self.date:%d.%m.%Y}"

    @property
    def label(self) -> str:
        """The number as it is printed: "КП-12/2026", from the second version on with it."""
        return document_label(self.printed, self.version)

    @property
    def title(self) -> str:
        """What it is, with its number; the kind is not said twice where the number begins with it ("КП-12/2026")."""
        kind = str(self.get_kind_display())
        return self.label if self.label.startswith(kind) else f"{kind} {self.label}"

    @property
    def unpaid(self) -> Decimal:
        """What is still to be paid of an invoice."""
        return self.total - self.paid


def document_label(printed: str, version: int) -> str:
    """A document's number with its version, where there is more than one."""
    return printed + (f" (версия {version})" if version > 1 else "")
