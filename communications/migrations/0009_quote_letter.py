"""Lays the letter that goes with a quote; a sales head may change it."""

from django.db import migrations

# fmt: off
TEMPLATES = [
    {
        "code": "quote",
        "name_ru": "Отправка КП",
        "name_en": "Sending a quote",
        "subject": "Коммерческое предложение {quote}",
        "text": (
            "Здравствуйте!\n\n"
            "Направляем вам коммерческое предложение {quote}: оно во вложении и действует до {quote_valid_until}.\n\n"
            "Если появятся вопросы или нужно что-то изменить, ответьте на это письмо.\n\n"
            "С уважением,\n{responsible}\n"
        ),
    },
]
# fmt: on


def forwards(apps, schema_editor):
    template_model = apps.get_model("communications", "MessageTemplate")
    for row in TEMPLATES:
        values = {name: value for name, value in row.items() if name != "code"}
        template_model.objects.get_or_create(code=row["code"], defaults=values)


class Migration(migrations.Migration):
    dependencies = [("communications", "0008_message_attachment")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
