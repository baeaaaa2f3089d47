"""One FilterSet per kind of record, shared by list, board, API, export and the links behind the reports' numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.lookups import GreaterThan
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from crm import client_owners, clock, norms, pipelines, stages_seen
from crm.formfields import FullDayField
from crm.models import Activity, Channel, ClientType, Company, Contact, RefusalReason, Source, Stage, StageHistory, Tag


def day_start(day: date) -> datetime:
    """Midnight of a day in the company's time zone."""
    return datetime.combine(day, time.min, tzinfo=clock.company_zone())


FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 1, 1)


class DayFilter(filters.DateFilter):
    """A day of a calendar that every database and time zone can still reckon with, written out."""

    field_class = FullDayField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("validators", [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)])
        super().__init__(*args, **kwargs)


class MomentFilter(filters.IsoDateTimeFilter):
    """A moment within the same bounds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        ends = [datetime.combine(day, time.min, tzinfo=UTC) for day in (FIRST_DAY, LAST_DAY)]
        kwargs.setdefault("validators", [MinValueValidator(ends[0]), MaxValueValidator(ends[1])])
        super().__init__(*args, **kwargs)


class DayFromFilter(DayFilter):
    """On that day of the company's calendar or later."""

    def filter(self, qs: QuerySet[Any], value: date | None) -> QuerySet[Any]:
        return qs.filter(**{f"{self.field_name}__gte": day_start(value)}) if value else qs


class DayToFilter(DayFilter):
    """On that day of the company's calendar or earlier (the day itself counts)."""

    def filter(self, qs: QuerySet[Any], value: date | None) -> QuerySet[Any]:
        return qs.filter(**{f"{self.field_name}__lt": day_start(value + timedelta(days=1))}) if value else qs


class KeyField(forms.IntegerField):
    """A number that can be a row's: what no column can hold is refused before the database is asked."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": 2**63 - 1, **kwargs})


class KeyFilter(filters.NumberFilter):
    """One row by its number."""

    field_class = KeyField


class KeysFilter(filters.BaseInFilter, KeyFilter):
    """Several rows by their numbers, with commas."""


class RowsField(filters.fields.ModelMultipleChoiceField):
    """Rows of a list by their keys; a number that no column can hold is no row."""

    def _check_values(self, value: Any) -> Any:
        if isinstance(self.queryset.model._meta.pk, models.AutoField | models.BigAutoField):
            for key in value:
                if len(str(key)) > 18:
                    raise ValidationError(
                        self.error_messages["invalid_pk_value"], code="invalid_pk_value", params={"pk": key}
                    )
        return super()._check_values(value)


class RowField(filters.fields.ModelChoiceField):
    """One row of a list by its key, with the same care."""

    def to_python(self, value: Any) -> Any:
        if isinstance(self.queryset.model._meta.pk, models.AutoField | models.BigAutoField) and len(str(value)) > 18:
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        return super().to_python(value)


class RowFilter(filters.ModelChoiceFilter):
    """One of several rows that a column points to, for a plain drop-down."""

    field_class = RowField


class ChoicesFilter(filters.MultipleChoiceFilter):
    """Any of several choices of one column.

    The library would make the rows DISTINCT, which a column of the record itself never needs and which makes the
    database sort a whole large table by all its columns.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"distinct": False, **kwargs})


class RowsFilter(filters.ModelMultipleChoiceFilter):
    """Any of several rows that one column points to; not DISTINCT for the same reason."""

    field_class = RowsField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"distinct": False, **kwargs})


class TagsFilter(RowsFilter):
    """Records with any of several tags, each record once."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if not value:
            return qs
        tagged = qs.model._default_manager.filter(tags__in=value)
        return qs.filter(pk__in=tagged.order_by().values("pk"))


def stage_choices() -> list[tuple[str, str]]:
    """All stages by key; a pipeline's name in front where the kind of record has several."""
    return [(stage.key, stage.name) for stage in pipelines.all_stages()]


def pipeline_choices() -> list[tuple[str, str]]:
    """All pipelines by code."""
    return [(pipeline.code, pipeline.name) for pipeline in pipelines.catalogue().pipelines.values()]


KIND_CHOICES = [
    ("open", _("Open")),
    ("closed", _("Closed")),
    *[(k, label) for k, label in Stage.Kind.choices if k != "open"],
]
NEXT_CHOICES = [
    ("overdue", _("Overdue")),
    ("today", _("Today")),
    ("planned", _("Planned")),
    ("none", _("No next step")),
]


class AskedFilterSet(filters.FilterSet):
    """A FilterSet that builds only the filters its query names: a list offers thirty and is asked for one or two.

    With `every` all are built, for whoever draws the controls.
    """

    base_filters: Any

    def __init__(self, data: Any = None, queryset: Any = None, *, every: bool = False, **more: Any) -> None:
        if not every:
            asked = data or {}
            self.base_filters = {name: item for name, item in self.base_filters.items() if name in asked}
        super().__init__(data, queryset, **more)


# What lists are not cut by for the people of partners: it would tell of fields that they are not shown.
INTERNAL = frozenset(
    [
        "team",
        "partner",
        "utm_campaign",
        "no_campaign",
        "source",
        "no_source",
        "channel",
        "copies",
        "route",
        "orders",
        "touched",
        "waited",
        "foreseen",
        "upsell_by",
    ]
)


class RecordFilter(AskedFilterSet):
    """What lists of every kind of record can be cut by."""

    search = filters.CharFilter(method="by_search", label=_("Search"))
    pipeline = ChoicesFilter(choices=pipeline_choices, label=_("Pipeline"))
    stage = ChoicesFilter(choices=stage_choices, label=_("Stage"))
    kind = filters.ChoiceFilter(choices=KIND_CHOICES, method="by_kind", label=_("State"))
    responsible = RowsFilter(queryset=User.objects.all(), label=_("Responsible"))
    team = RowsFilter(field_name="responsible__team", queryset=Team.objects.all(), label=_("Team"))
    mine = filters.BooleanFilter(method="by_mine", label=_("Mine"))
    created_from = DayFromFilter(field_name="created_at", label=_("Created from"))
    created_to = DayToFilter(field_name="created_at", label=_("Created to"))
    updated_since = MomentFilter(field_name="updated_at", lookup_expr="gte", label=_("Changed since"))
    next_step = filters.ChoiceFilter(choices=NEXT_CHOICES, method="by_next_step", label=_("Next step"))
    norm_exceeded = filters.BooleanFilter(method="by_norm", label=_("Time norm exceeded"))
    id = KeysFilter(field_name="id", label=_("Numbers"))

    def by_search(self, queryset: Any, _name: str, value: str) -> Any:
        """Every word of the query, in any form that search understands."""
        return queryset.search(value)

    def by_kind(self, queryset: Any, _name: str, value: str) -> Any:
        """By the kind of the stage; "closed" is everything that is not open."""
        kinds = [kind for kind in Stage.Kind.values if kind != "open"] if value == "closed" else [value]
        return queryset.in_stage_kind(*kinds)

    def by_mine(self, queryset: Any, _name: str, value: bool) -> Any:
        """Only what the reader is responsible for."""
        user = getattr(self.request, "user", None)
        return queryset.filter(responsible=user) if value and user is not None else queryset

    def by_next_step(self, queryset: Any, _name: str, value: str) -> Any:
        """By the nearest open activity, from the record's own column."""
        now = clock.now()
        tomorrow = day_start(clock.today() + timedelta(days=1))
        match value:
            case "overdue":
                return queryset.filter(next_activity_at__lt=now)
            case "today":
                return queryset.filter(next_activity_at__gte=day_start(clock.today()), next_activity_at__lt=tomorrow)
            case "planned":
                return queryset.filter(next_activity_at__gte=tomorrow)
        return queryset.open().filter(next_activity_at__isnull=True)

    def by_norm(self, queryset: Any, _name: str, value: bool) -> Any:
        """Standing longer in the stage than its norm says."""
        if not value:
            return queryset
        return queryset.filter(norms.over_norm(pipelines.all_stages()))


class ClosableFilter(RecordFilter):
    """What leads and deals can be cut by beyond that; the reports' numbers open lists through these."""

    record_type = ""

    source = RowsFilter(queryset=Source.objects.all(), label=_("Source"))
    no_source = filters.BooleanFilter(field_name="source", lookup_expr="isnull", label=_("Source unknown"))
    channel = ChoicesFilter(choices=Channel.choices, label=_("Channel"))
    utm_campaign = filters.CharFilter(label="utm_campaign")
    no_campaign = filters.BooleanFilter(method="by_no_campaign", label=_("No campaign"))
    region = filters.CharFilter(lookup_expr="iexact", label=_("Region"))
    city = filters.CharFilter(lookup_expr="iexact", label=_("City"))
    area_from = filters.NumberFilter(field_name="area", lookup_expr="gte", label=_("Area from, m²"))
    area_to = filters.NumberFilter(field_name="area", lookup_expr="lte", label=_("Area to, m²"))
    tag = TagsFilter(field_name="tags", queryset=Tag.objects.all(), label=_("Tag"))
    contact = KeyFilter(field_name="contact_id", label=_("Contact"))
    company = KeyFilter(field_name="company_id", label=_("Company"))
    client_type = ChoicesFilter(choices=ClientType.choices, method="by_client_type", label=_("Client type"))
    object = KeyFilter(field_name="object_id", label=_("Object"))
    partner = KeysFilter(field_name="partner_id", label=_("Partner"))
    copies = filters.BooleanFilter(method="by_copies", label=_("Repeat copies"))
    refusal_reason = RowsFilter(queryset=RefusalReason.objects.all(), label=_("Refusal reason"))
    closed_from = DayFromFilter(field_name="closed_at", label=_("Closed from"))
    closed_to = DayToFilter(field_name="closed_at", label=_("Closed to"))
    reached = filters.ChoiceFilter(choices=stage_choices, method="by_reached", label=_("Ever reached the stage"))
    lost_from = filters.ChoiceFilter(choices=stage_choices, method="by_lost_from", label=_("Lost from the stage"))
    got_to = filters.ChoiceFilter(choices=stage_choices, method="by_got_to", label=_("Got to the stage or further"))
    no_refusal_reason = filters.BooleanFilter(field_name="refusal_reason", lookup_expr="isnull", label=_("No reason"))
    no_responsible = filters.BooleanFilter(
        field_name="responsible", lookup_expr="isnull", label=_("Nobody responsible")
    )
    no_team = filters.BooleanFilter(field_name="responsible__team", lookup_expr="isnull", label=_("No team"))
    no_region = filters.BooleanFilter(method="by_no_region", label=_("Region unknown"))
    no_partner = filters.BooleanFilter(field_name="partner", lookup_expr="isnull", label=_("No partner"))
    no_client = filters.BooleanFilter(method="by_no_client", label=_("Client unknown"))
    no_purpose = filters.BooleanFilter(field_name="purpose", lookup_expr="isnull", label=_("Purpose unknown"))

    def by_client_type(self, queryset: Any, _name: str, value: list[str]) -> Any:
        """By the type of the company, or of the contact where there is no company; the unknown are of no type."""
        if not value:
            return queryset
        by_person = Q(company__isnull=True, contact__client_type__in=value)
        return queryset.filter(Q(company__client_type__in=value) | by_person)

    def by_no_client(self, queryset: Any, _name: str, value: bool) -> Any:
        """Records of which neither contact nor company is known, or of which one is."""
        unknown = Q(company__isnull=True, contact__isnull=True)
        return queryset.filter(unknown if value else ~unknown)

    def by_copies(self, queryset: Any, _name: str, value: bool) -> Any:
        """Copies made by «lead + deal», or everything but them."""
        return queryset.filter(copy_set__isnull=not value)

    def by_reached(self, queryset: Any, _name: str, value: str) -> Any:
        """Records that stood in the stage at some time, by the stage history."""
        return queryset.filter(self._stood(pipelines.stage(value)))

    def by_lost_from(self, queryset: Any, _name: str, value: str) -> Any:
        """Lost records whose last step before the refusal was the stage."""
        return queryset.in_stage_kind("failure").filter(lost_from=value)

    def by_got_to(self, queryset: Any, _name: str, value: str) -> Any:
        """Records that stood at some time in the stage or in one behind it on the main path, up to success."""
        return queryset.filter(self._stood(*pipelines.path_from(value)))

    def by_no_campaign(self, queryset: Any, _name: str, value: bool) -> Any:
        """Records without a campaign, or with one."""
        return queryset.filter(utm_campaign="") if value else queryset.exclude(utm_campaign="")

    def by_no_region(self, queryset: Any, _name: str, value: bool) -> Any:
        """Records without a region, or with one."""
        return queryset.filter(region="") if value else queryset.exclude(region="")

    def _stood(self, *stages: Stage) -> Q:
        """Records that ever stood in one of these stages of a pipeline: by their own column, or where they have left
        that pipeline since by the history.
        """
        pipeline = stages[0].pipeline_id
        here = GreaterThan(F("stages_seen").bitand(stages_seen.marks(stages)), 0)
        moves = StageHistory.objects.filter(
            record_type=self.record_type, record_id=OuterRef("pk"), to_stage__in=[stage.key for stage in stages]
        )
        return Q(here, pipeline=pipeline) | Q(~Q(pipeline=pipeline), Exists(moves.order_by()))


class ClientFilter(RecordFilter):
    """What contacts and companies can be cut by."""

    client_type = ChoicesFilter(choices=ClientType.choices, label=_("Type"))
    object = KeyFilter(field_name="objects_linked", label=_("Object"))
    source = RowsFilter(queryset=Source.objects.all(), label=_("Source"))
    region = filters.CharFilter(lookup_expr="iexact", label=_("Region"))
    city = filters.CharFilter(lookup_expr="iexact", label=_("City"))


class ContactFilter(ClientFilter):
    """Contacts."""

    PEOPLE = (("differs", _("Not the company's")), ("mended", _("Mended by the nightly check")))

    company = KeyFilter(field_name="company_id", label=_("Company"))
    company_person = filters.ChoiceFilter(choices=PEOPLE, method="by_person", label=_("Responsible and the company's"))

    class Meta:
        model = Contact
        fields: tuple[str, ...] = ()

    def by_person(self, queryset: Any, _name: str, value: str) -> Any:
        """Whose person is not their company's, or was not until the nightly check (DEAL-12)."""
        if value == "differs":
            return queryset.filter(pk__in=client_owners.out_of_step().order_by().values("pk"))
        return client_owners.mended(queryset)


class CompanyFilter(ClientFilter):
    """Companies."""

    inn = filters.CharFilter(label=_("INN"))

    class Meta:
        model = Company
        fields: tuple[str, ...] = ()


class ActivityFilter(AskedFilterSet):
    """Tasks, calls and meetings."""

    STATE = (
        ("open", _("To do")),
        ("overdue", _("Overdue")),
        ("today", _("Today and overdue")),
        ("later_today", _("Today, not yet due")),
        ("done", _("Done")),
    )

    state = filters.ChoiceFilter(choices=STATE, method="by_state", label=_("State"))
    kind = ChoicesFilter(choices=Activity.Kind.choices, label=_("Kind"))
    responsible = RowsFilter(queryset=User.objects.all(), label=_("Responsible"))
    record_type = filters.CharFilter(label=_("Kind of record"))
    record_id = KeyFilter(label=_("Record"))
    due_from = DayFromFilter(field_name="due_at", label=_("Due from"))
    due_to = DayToFilter(field_name="due_at", label=_("Due to"))
    done_from = DayFromFilter(field_name="done_at", label=_("Done from"))
    done_to = DayToFilter(field_name="done_at", label=_("Done to"))

    class Meta:
        model = Activity
        fields: tuple[str, ...] = ()

    def by_state(self, queryset: Any, _name: str, value: str) -> Any:
        """To do, overdue, due today with or without what is late, done."""
        tomorrow = day_start(clock.today() + timedelta(days=1))
        match value:
            case "open":
                return queryset.undone()
            case "overdue":
                return queryset.overdue()
            case "today":
                return queryset.undone().filter(due_at__lt=tomorrow)
            case "later_today":
                return queryset.undone().filter(due_at__gte=clock.now(), due_at__lt=tomorrow)
        return queryset.filter(done_at__isnull=False)
