"""Lays the shipped rules; each may be switched off or changed in the settings."""

from django.db import migrations

# fmt: off
FAR = {"is": "far_start"}
HAS_OBJECT = {"field": "object", "op": "filled"}
RULES = [
    {"code": "lead_qualify", "pipeline": "lead", "stage": "lead:new", "trigger": "stage_entered",
     "action": "qualify_lead",
     "name_ru": "Новый лид: кому и на какую стадию", "name_en": "New lead: whose, and to which stage"},
    {"code": "lead_register_object", "pipeline": "lead", "stage": "lead:data_complete", "trigger": "stage_entered",
     "action": "register_object",
     "name_ru": "Данные заполнены: объект в реестр", "name_en": "Data complete: object into the registry"},
    {"code": "deal_far_start", "pipeline": "deal", "stage": "deal:negotiation", "trigger": "stage_entered",
     "conditions": FAR, "action": "change_stage", "params": {"to": "delayed_demand"},
     "name_ru": "Строительство нескоро: отложенный спрос", "name_en": "Construction far away: delayed demand"},
    {"code": "deal_far_start_changed", "pipeline": "deal", "stage": "deal:negotiation", "trigger": "field_changed",
     "fields": ["construction_start"], "conditions": FAR,
     "action": "change_stage", "params": {"to": "delayed_demand"},
     "name_ru": "Срок строительства сдвинулся: отложенный спрос", "name_en": "Construction moved away: delayed demand"},
    {"code": "delayed_reminder_1", "pipeline": "deal", "stage": "deal:delayed_demand", "trigger": "stage_entered",
     "delay_plan": "delayed_demand.reminder_1", "stops_on_contact": True, "action": "send_message",
     "params": {"template": "delayed_reminder_1",
                "title_ru": "Напомнить клиенту о проекте: отправить сообщение не удалось",
                "title_en": "Remind the client of the project: no message could be sent"},
     "name_ru": "Отложенный спрос: первое напоминание", "name_en": "Delayed demand: first reminder"},
    {"code": "delayed_reminder_2", "pipeline": "deal", "stage": "deal:delayed_demand", "trigger": "stage_entered",
     "delay_plan": "delayed_demand.reminder_2", "stops_on_contact": True, "action": "send_message",
     "params": {"template": "delayed_reminder_2",
                "title_ru": "Ещё раз напомнить клиенту о проекте: отправить сообщение не удалось",
                "title_en": "Remind the client of the project again: no message could be sent"},
     "name_ru": "Отложенный спрос: второе напоминание", "name_en": "Delayed demand: second reminder"},
    {"code": "delayed_call", "pipeline": "deal", "stage": "deal:delayed_demand", "trigger": "stage_entered",
     "delay_plan": "delayed_demand.call_and_resume", "stops_on_contact": True, "action": "task_and_stage",
     "params": {"to": "resumed", "kind": "call", "once": "resume",
                "title_ru": "Позвонить клиенту: срок отложенного спроса вышел",
                "title_en": "Call the client: the delayed demand is due"},
     "name_ru": "Отложенный спрос: звонок и возобновление", "name_en": "Delayed demand: call and resume"},
    {"code": "delayed_contact", "pipeline": "deal", "stage": "deal:delayed_demand", "trigger": "client_contact",
     "action": "change_stage", "params": {"to": "resumed"},
     "name_ru": "Клиент вышел на связь: возобновление работы", "name_en": "The client made contact: work resumed"},
    {"code": "resumed_task", "pipeline": "deal", "stage": "deal:resumed", "trigger": "stage_entered",
     "action": "create_task",
     "params": {"once": "resume", "title_ru": "Связаться с клиентом", "title_en": "Contact the client"},
     "name_ru": "Возобновление работы: задача ответственному", "name_en": "Work resumed: task for the responsible"},
    {"code": "object_follows_deal", "pipeline": "deal", "trigger": "field_changed",
     "fields": ["responsible", "object"], "conditions": HAS_OBJECT, "action": "object_responsible",
     "name_ru": "Ответственный сделки отвечает и за объект", "name_en": "The deal's responsible has the object too"},
    {"code": "object_follows_deal_stage", "pipeline": "deal", "trigger": "stage_entered",
     "conditions": HAS_OBJECT, "action": "object_responsible",
     "name_ru": "Объект за новейшей открытой сделкой", "name_en": "The object goes with the newest open deal"},
    {"code": "object_follows_lead", "pipeline": "lead", "trigger": "field_changed",
     "fields": ["responsible", "object"], "conditions": HAS_OBJECT, "action": "object_responsible",
     "name_ru": "Ответственный лида отвечает и за объект", "name_en": "The lead's responsible has the object too"},
    {"code": "object_follows_lead_stage", "pipeline": "lead", "trigger": "stage_entered",
     "conditions": HAS_OBJECT, "action": "object_responsible",
     "name_ru": "Объект за новейшим открытым лидом", "name_en": "The object goes with the newest open lead"},
]
# fmt: on


def forwards(apps, schema_editor):
    rule_model = apps.get_model("automation", "Rule")
    for number, row in enumerate(RULES):
        values = {name: value for name, value in row.items() if name not in {"code", "pipeline", "stage"}}
        rule_model.objects.get_or_create(
            code=row["code"],
            defaults={
                **values,
                "pipeline_id": row["pipeline"],
                "stage_id": row.get("stage"),
                "order": number * 10,
                "is_shipped": True,
            },
        )


class Migration(migrations.Migration):
    dependencies = [
        ("automation", "0001_initial"),
        ("communications", "0002_message_templates"),
        ("leads", "0002_shipped_stages"),
        ("deals", "0002_shipped_stages"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
