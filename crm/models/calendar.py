"""The calendar of the company: days that are not what their day of the week says."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.working_time import OFF, SHORT, WORKING


class CalendarDay(models.Model):
    """A holiday, a day off moved here, a shortened day, or a day of work where others rest; kept by the sales head."""

    class Kind(models.TextChoices):
        OFF = OFF, _("Day off")
        SHORT = SHORT, _("Shortened day")
        WORKING = WORKING, _("Working day")

    day = models.DateField(_("day"), unique=True, error_messages={"unique": _("The calendar has this day already.")})
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.OFF)
    name = models.CharField(_("name"), max_length=100, blank=True)

    class Meta:
        ordering: ClassVar = ["day"]
        verbose_name = _("day of the calendar")
        verbose_name_plural = _("working calendar")

    def __str__(self) -> str:
        return f"{self.day:%d.%m.%Y} {self.name}".strip()
