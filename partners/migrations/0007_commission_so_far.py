"""The percent of the registry becomes terms of commission; what was won already is accrued by it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import migrations

KOPECK = Decimal("0.01")


def carry_over(apps: Any, schema_editor: Any) -> None:
    """Terms from the day the partner was entered on; an accrual for each of its won deals, dated by the winning."""
    rules, entries = apps.get_model("partners", "CommissionRule"), apps.get_model("partners", "CommissionEntry")
    zone = _zone(apps)
    for profile in apps.get_model("partners", "PartnerProfile").objects.filter(commission_percent__gt=0):
        percent, partner = profile.commission_percent, profile.partner
        rule, _made = rules.objects.get_or_create(
            partner=partner,
            valid_from=partner.created_at.astimezone(zone).date(),
            steps=[["0.00", str(percent)]],
            span="deal",
            defaults={"set_at": partner.created_at},
        )
        won = apps.get_model("deals", "Deal").objects.filter(
            partner=partner, pipeline="partner_deal", stage__kind="success", currency="RUB", amount__gt=0,
            deleted_at__isnull=True, closed_at__isnull=False,
        )  # fmt: skip
        for deal in won.order_by("pk").values("pk", "amount", "closed_at", "contract_number").iterator():
            basis = {
                "amount": str(deal["amount"]), "steps": rule.steps, "span": "deal", "won_before": "0",
                "percent": str(percent), "valid_from": rule.valid_from.isoformat(), "contract": deal["contract_number"],
                "carried_over": True,
            }  # fmt: skip
            entries.objects.get_or_create(
                key=f"won:{deal['pk']}:1",
                defaults={
                    "partner": partner,
                    "deal_id": deal["pk"],
                    "kind": "accrual",
                    "day": deal["closed_at"].astimezone(zone).date(),
                    "amount": (deal["amount"] * percent / 100).quantize(KOPECK, rounding=ROUND_HALF_UP),
                    "base": deal["amount"],
                    "percent": percent,
                    "rule": rule,
                    "basis": basis,
                    "at": deal["closed_at"],
                },
            )


def _zone(apps: Any) -> ZoneInfo:
    row = apps.get_model("crm", "Preference").objects.filter(key="company_time_zone").first()
    return ZoneInfo(row.value if row is not None else "Europe/Moscow")


class Migration(migrations.Migration):
    dependencies = [("partners", "0006_commission"), ("crm", "0019_rule_jobs"), ("deals", "0006_quotes_sent")]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
