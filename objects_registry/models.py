"""Construction objects: what is to be built, where, how large."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import NamedRow, Place, RecordType, StagedRecord

POSITIVE = [MinValueValidator(Decimal("0.01"))]


class Purpose(NamedRow):
    """What a building is for: warehouse, hangar, workshop."""

    code = models.SlugField(_("code"), primary_key=True, max_length=40)
    synonyms = models.JSONField(
        _("also called"), default=list, blank=True, help_text=_("Other words by which forms and imports name it.")
    )
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        ordering: ClassVar = ["order", "code"]
        verbose_name = _("purpose of a building")
        verbose_name_plural = _("purposes of buildings")


class BuildingParameters(Place):
    """Size and place of a building: metres, square metres, tonnes. A hand-entered area or tonnage is flagged."""

    purpose = models.ForeignKey(
        Purpose, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("purpose")
    )
    length = models.DecimalField(
        _("length, m"), max_digits=9, decimal_places=2, null=True, blank=True, validators=POSITIVE
    )
    width = models.DecimalField(
        _("width, m"), max_digits=9, decimal_places=2, null=True, blank=True, validators=POSITIVE
    )
    height = models.DecimalField(
        _("height, m"), max_digits=9, decimal_places=2, null=True, blank=True, validators=POSITIVE
    )
    area = models.DecimalField(
        _("area, m²"), max_digits=14, decimal_places=2, null=True, blank=True, validators=POSITIVE
    )
    area_is_manual = models.BooleanField(_("area entered by hand"), default=False)
    tonnage = models.DecimalField(
        _("tonnage, t"), max_digits=14, decimal_places=3, null=True, blank=True, validators=POSITIVE
    )
    tonnage_is_manual = models.BooleanField(_("tonnage entered by hand"), default=False)
    construction_start = models.DateField(_("planned construction start"), null=True, blank=True)

    class Meta:
        abstract = True


BUILDING_FIELDS: tuple[str, ...] = tuple(field.name for field in BuildingParameters._meta.local_fields)


class ConstructionObject(StagedRecord, BuildingParameters):
    """A building somebody means to put up; leads, deals, contacts and companies hang on it (OBJ-1)."""

    RECORD_TYPE = RecordType.OBJECT

    name = models.CharField(_("name"), max_length=255)
    notes = models.TextField(_("notes"), blank=True)
    contacts = models.ManyToManyField(
        "crm.Contact", blank=True, related_name="objects_linked", verbose_name=_("contacts")
    )
    companies = models.ManyToManyField(
        "crm.Company", blank=True, related_name="objects_linked", verbose_name=_("companies")
    )
    place_key = models.CharField(max_length=500, blank=True, editable=False)
    short_side = models.DecimalField(max_digits=9, decimal_places=2, null=True, blank=True, editable=False)
    long_side = models.DecimalField(max_digits=9, decimal_places=2, null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name = _("construction object")
        verbose_name_plural = _("construction objects")
        indexes: ClassVar = [
            *StagedRecord.record_indexes("object"),
            models.Index(fields=["place_key"], name="object_place"),
            models.Index(fields=["short_side", "long_side"], name="object_sides"),
            models.Index(fields=["area"], name="object_area"),
        ]

    def __str__(self) -> str:
        return self.name

    def search_parts(self) -> list[object]:
        size = f"{self.width.normalize():f}x{self.length.normalize():f}" if self.width and self.length else ""
        turned = f"{self.length.normalize():f}x{self.width.normalize():f}" if self.width and self.length else ""
        return [self.name, self.address, self.city, self.region, size, turned]


class SteelConsumption(models.Model):
    """One row of the table of steel consumption: kg per m² up to a span and a height (DEAL-2)."""

    purpose = models.ForeignKey(
        Purpose, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("purpose")
    )
    span_to = models.DecimalField(_("span up to, m"), max_digits=7, decimal_places=2, null=True, blank=True)
    height_to = models.DecimalField(_("height up to, m"), max_digits=7, decimal_places=2, null=True, blank=True)
    kg_per_m2 = models.DecimalField(_("steel, kg/m²"), max_digits=8, decimal_places=2, validators=POSITIVE)

    class Meta:
        ordering: ClassVar = ["purpose", "span_to", "height_to", "id"]
        verbose_name = _("steel consumption")
        verbose_name_plural = _("steel consumption")
