"""Records taken back before now lose the way to the client too, as every recall does since."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.utils import timezone

RECALLED = {"lead": "partner_lead:recalled", "deal": "partner_deal:recalled"}
LINKS = ("contact_id", "company_id", "object_id")
TEXTS = {
    "lead": (
        "name", "company_name", "inn", "phone", "email", "phone_original", "email_original", "request_text", "address",
        "city", "name_key", "company_key",
    ),
    "deal": ("request_text", "address", "city"),
}  # fmt: skip
AUDITED = {name: name.removesuffix("_id") for name in LINKS}
BLOCK = 500


def take(apps: Any, schema_editor: Any) -> None:
    """Empty the columns block by block; the audit trail keeps what stood there. May run twice."""
    for kind, label in (("lead", "leads"), ("deal", "deals")):
        model = apps.get_model(label, kind.capitalize())
        rows = model.objects.filter(stage=RECALLED[kind])
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(keys), BLOCK):
            for record in model.objects.filter(pk__in=keys[start : start + BLOCK]).select_related("purpose"):
                _empty(apps, kind, model, record)


def _empty(apps: Any, kind: str, model: Any, record: Any) -> None:
    title = _title(record)
    values: dict[str, Any] = {**dict.fromkeys(LINKS), **dict.fromkeys(TEXTS[kind], ""), "title": title}
    if kind == "lead":
        values["duplicate_object_id"] = None
    old = {name: getattr(record, name) for name in values}
    changed = {name: value for name, value in values.items() if old[name] != value}
    apps.get_model("crm", "Change").objects.bulk_create(
        apps.get_model("crm", "Change")(
            record_type=kind, record_id=record.pk, at=timezone.now(), field=AUDITED.get(name, name.removesuffix("_id")),
            old=old[name], new=value, actor_kind="system",
        )
        for name, value in changed.items()
    )  # fmt: skip
    model.objects.filter(pk=record.pk).update(**values, title_is_manual=True, search_text=title.lower())
    apps.get_model("crm", "ContactPoint").objects.filter(record_type=kind, record_id=record.pk).delete()
    tasks = apps.get_model("crm", "Activity").objects.filter(record_type=kind, record_id=record.pk, done_at=None)
    tasks.update(done_at=timezone.now(), result="Отменено: производитель забрал запись.")
    model.objects.filter(pk=record.pk).update(next_activity_at=None, next_activity_title="")


def _title(record: Any) -> str:
    purpose = record.purpose.name_ru if record.purpose is not None else ""
    sides = [f"{side.normalize():f}" for side in (record.length, record.width) if side is not None]
    shown = " ".join(part for part in (purpose, "×".join(sides) if len(sides) == 2 else "") if part)
    return shown or f"Заявка № {record.pk}"


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0010_fill_name_keys"),
        ("deals", "0002_shipped_stages"),
        ("leads", "0006_fill_name_keys"),
        ("objects_registry", "0001_initial"),
        ("partners", "0002_shipped_stages"),
    ]

    operations = [migrations.RunPython(take, migrations.RunPython.noop)]
