"""The plans of the managers by month, and the rules of their bonus in the settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.selectors import RESPONSIBLE_ROLES
from analytics.models import BonusRule, SalesPlan
from analytics.sources.spend import read_month
from crm import clock
from crm.formfields import NumberField
from crm.settings_audit import audit, require_head
from crm.templatetags.ui import money
from crm.views.catalogue import Catalogue
from crm.views.settings_nav import settings_page

NOTHING = Decimal(0)


def planned_people() -> Any:
    """Whose plans are kept: those who sell."""
    return User.objects.filter(is_active=True, partner__isnull=True, role__in=RESPONSIBLE_ROLES)


@transaction.atomic
def plans_set(month: date, plans: Mapping[int, tuple[Decimal, int]], *, by: Any) -> int:
    """Keep the plans of a month: {person: (roubles, contracts)}; nothing planned takes the row away. How many changed.

    PermissionDenied for whoever is not a head.
    """
    require_head(by)
    locked = SalesPlan.objects.select_for_update().filter(month=month).order_by("user")
    known = {plan.user_id: plan for plan in locked}
    # In the order of the people, so that two who plan the same month never wait for each other crosswise.
    return sum(_plan_one(known.get(user), month, user, plans[user], by) for user in sorted(plans))


def _plan_one(plan: SalesPlan | None, month: date, user: int, wanted: tuple[Decimal, int], by: Any) -> bool:
    """Keep one person's plan; was it changed?"""
    if plan is None:
        plan = SalesPlan(month=month, user_id=user, amount=NOTHING, contracts=0)
    before = (plan.amount, plan.contracts)
    if before == wanted:
        return False
    plan.amount, plan.contracts = wanted
    if plan.pk and not any(wanted):
        plan.delete()
    else:
        try:
            with transaction.atomic():
                plan.save()
        except IntegrityError:  # another person planned it at this moment: theirs is there now and takes these figures
            theirs = SalesPlan.objects.select_for_update().filter(month=month, user=user).first()
            return _plan_one(theirs, month, user, wanted, by)
    audit("plan", str(plan), "amount", f"{before[0]} / {before[1]}", f"{wanted[0]} / {wanted[1]}", by)
    return True


class PlanForm(forms.Form):
    """A month's plans: two fields per person."""

    def __init__(self, *args: Any, people: list[User], plans: Mapping[int, SalesPlan], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = people
        for user in people:
            plan = plans.get(user.pk)
            amount = NumberField(required=False, max_digits=15, decimal_places=2, min_value=0)
            amount.label, amount.initial = _("%(name)s: amount, ₽") % {"name": user}, plan.amount if plan else None
            contracts = forms.IntegerField(required=False, min_value=0, max_value=10_000)
            contracts.label = _("%(name)s: contracts") % {"name": user}
            contracts.initial = plan.contracts if plan else None
            self.fields[f"amount_{user.pk}"], self.fields[f"contracts_{user.pk}"] = amount, contracts

    def values(self) -> dict[int, tuple[Decimal, int]]:
        """As `plans_set` takes them."""
        data = self.cleaned_data
        return {
            user.pk: (data[f"amount_{user.pk}"] or NOTHING, data[f"contracts_{user.pk}"] or 0) for user in self.people
        }


@settings_page
@require_http_methods(["GET", "HEAD", "POST"])
def plans_page(request: HttpRequest) -> HttpResponse:
    """The plans of one month, all managers on one page."""
    month = read_month(request.GET.get("month", "")) or clock.today().replace(day=1)
    people = list(planned_people())
    plans = {plan.user_id: plan for plan in SalesPlan.objects.filter(month=month)}
    form = PlanForm(request.POST or None, people=people, plans=plans)
    if form.is_bound and form.is_valid():
        plans_set(month, form.values(), by=request.user)
        messages.success(request, _("Saved."))
        return redirect(f"{reverse('analytics:plans')}?month={month:%Y-%m}")
    context = {"form": form, "month": month, "back_url": reverse("analytics:managers")}
    return render(request, "analytics/plans.html", context, status=422 if form.errors else 200)


class BonusRuleForm(forms.ModelForm):
    """A rule of the bonus."""

    percent = NumberField(
        label=gettext_lazy("Of the amount, %"), required=False, max_digits=5, decimal_places=2, min_value=0
    )
    per_deal = NumberField(
        label=gettext_lazy("For each deal, ₽"), required=False, max_digits=12, decimal_places=2, min_value=0
    )

    class Meta:
        model = BonusRule
        fields = ("name", "basis", "percent", "per_deal", "order", "is_active")

    def clean_percent(self) -> Decimal:
        """Nothing is nothing."""
        return self.cleaned_data["percent"] or NOTHING

    def clean_per_deal(self) -> Decimal:
        """Nothing is nothing."""
        return self.cleaned_data["per_deal"] or NOTHING


def _rule(row: Any) -> dict[str, Any]:
    notes = [row.get_basis_display()]
    if row.percent:
        notes.append(_("%(percent)s %% of the amount") % {"percent": f"{row.percent.normalize():f}".replace(".", ",")})
    if row.per_deal:
        notes.append(_("%(sum)s for each deal") % {"sum": money(row.per_deal)})
    return {"title": row.name, "notes": notes, "off": not row.is_active}


BONUS_RULES = Catalogue(
    kind="bonus",
    model=BonusRule,
    form=BonusRuleForm,
    name="settings-bonus",
    path="bonus",
    title=gettext_lazy("Bonus rules"),
    add_label=gettext_lazy("New rule"),
    line=_rule,
    intro=gettext_lazy("What managers earn on contracts and upsells; the report of the managers adds the rules up."),
    order=("order", "pk"),
    dialog_size="dialog-small",
)
