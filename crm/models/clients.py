"""Clients: contacts, companies, and the phones and addresses by which they are recognised."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.base import Attribution, Place, RecordRef, RecordType, StagedRecord
from crm.models.pipeline import NamedRow


class Source(NamedRow):
    """Where clients come from: an advertising channel, a search engine, a recommendation."""

    code = models.SlugField(_("code"), primary_key=True, max_length=40)
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        ordering: ClassVar = ["order", "code"]
        verbose_name = _("source")
        verbose_name_plural = _("sources")


class Tag(models.Model):
    """A free label on leads and deals."""

    name = models.CharField(_("name"), max_length=50, unique=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("tag")
        verbose_name_plural = _("tags")

    def __str__(self) -> str:
        return self.name


class ClientType(models.TextChoices):
    """What a contact or company is to us (LEAD-16)."""

    CLIENT = "client", _("Client")
    SUPPLIER = "supplier", _("Supplier")
    PARTNER = "partner", _("Partner (type of client)")
    CONTRACTOR = "contractor", _("Contractor")
    OTHER = "other", _("Other")


class Company(StagedRecord, Attribution, Place):
    """A legal entity."""

    RECORD_TYPE = RecordType.COMPANY

    name = models.CharField(_("name"), max_length=255)
    client_type = models.CharField(_("type"), max_length=12, choices=ClientType, default=ClientType.CLIENT)
    inn = models.CharField(_("INN"), max_length=12, blank=True, db_index=True)
    kpp = models.CharField(_("KPP"), max_length=9, blank=True)
    legal_address = models.CharField(_("legal address"), max_length=500, blank=True)
    ogrn = models.CharField(_("OGRN"), max_length=15, blank=True)
    bank = models.CharField(_("bank"), max_length=255, blank=True)
    bik = models.CharField(_("BIK"), max_length=9, blank=True)
    account = models.CharField(_("settlement account"), max_length=32, blank=True)
    corr_account = models.CharField(_("correspondent account"), max_length=32, blank=True)
    signatory = models.CharField(
        _("who signs for it"),
        max_length=255,
        blank=True,
        help_text=_("As a contract says it: “its director Petrov P. P., who acts under the charter”."),
    )
    site = models.CharField(_("site"), max_length=255, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    comment = models.TextField(_("comment"), blank=True)
    name_key = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        indexes: ClassVar = [
            *StagedRecord.record_indexes("company"),
            models.Index(fields=["name_key"], name="company_name_key"),
        ]

    def __str__(self) -> str:
        return self.name

    def search_parts(self) -> list[object]:
        return [self.name, self.inn, self.city, self.phone, self.email]


class Contact(StagedRecord, Attribution, Place):
    """A person."""

    RECORD_TYPE = RecordType.CONTACT

    class MessageChannel(models.TextChoices):
        EMAIL = "email", _("E-mail")
        WHATSAPP = "whatsapp", "WhatsApp"
        TELEGRAM = "telegram", "Telegram"

    last_name = models.CharField(_("last name"), max_length=100, blank=True)
    first_name = models.CharField(_("first name"), max_length=100, blank=True)
    patronymic = models.CharField(_("patronymic"), max_length=100, blank=True)
    company = models.ForeignKey(
        Company, models.SET_NULL, null=True, blank=True, related_name="contacts", verbose_name=_("company")
    )
    position = models.CharField(_("position"), max_length=150, blank=True)
    client_type = models.CharField(_("type"), max_length=12, choices=ClientType, default=ClientType.CLIENT)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    preferred_channel = models.CharField(
        _("preferred channel"), max_length=10, choices=MessageChannel, default=MessageChannel.EMAIL
    )
    messages_consent = models.BooleanField(_("agrees to receive messages"), default=False)
    consent_note = models.CharField(_("where the consent was given"), max_length=255, blank=True)
    comment = models.TextField(_("comment"), blank=True)
    name_key = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        indexes: ClassVar = [
            *StagedRecord.record_indexes("contact"),
            models.Index(fields=["name_key"], name="contact_name_key"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="contact_has_a_name",
                condition=~models.Q(last_name="", first_name="", patronymic=""),
                violation_error_message=_(
                    "A contact needs a name. While only a phone or an e-mail is known, keep it as a lead."
                ),
            )
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def full_name(self) -> str:
        return " ".join(part for part in (self.last_name, self.first_name, self.patronymic) if part)

    @property
    def name(self) -> str:
        return self.full_name

    def search_parts(self) -> list[object]:
        return [self.full_name, self.city, self.phone, self.email]


class ContactPoint(RecordRef):
    """One phone, e-mail or messenger id of a contact, company or open lead; the table behind recognition (LEAD-5)."""

    class Kind(models.TextChoices):
        PHONE = "phone", _("Phone")
        EMAIL = "email", _("E-mail")
        TELEGRAM = "telegram", "Telegram"
        WHATSAPP = "whatsapp", "WhatsApp"

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    value = models.CharField(_("value"), max_length=254, help_text="Normalised: E.164 or a lower-cased address.")
    reversed_value = models.CharField(max_length=254, editable=False, db_index=True)
    original = models.CharField(_("as it was given"), max_length=254, blank=True)
    extension = models.CharField(_("extension"), max_length=20, blank=True)
    is_primary = models.BooleanField(_("main"), default=False)

    class Meta:
        ordering: ClassVar = ["-is_primary", "id"]
        verbose_name = _("phone or address")
        verbose_name_plural = _("phones and addresses")
        indexes: ClassVar = [models.Index(fields=["kind", "value"], name="contact_point_value")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["record_type", "record_id", "kind", "value"], name="contact_point_once")
        ]

    def save(self, **kwargs: object) -> None:
        """Keep the reversed copy, by which a tail of a number is found through an index."""
        self.reversed_value = self.value[::-1]
        super().save(**kwargs)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return self.value
