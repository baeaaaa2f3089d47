"""Lays the letters that answer a request which we refuse; a sales head may change them."""

from django.db import migrations

# fmt: off
TEMPLATES = [
    {
        "code": "lead_declined",
        "name_ru": "Отказ с нашей стороны",
        "name_en": "Declined by us",
        "subject": "Ответ на ваш запрос",
        "text": (
            "Здравствуйте!\n\n"
            "Спасибо, что обратились к нам. Мы внимательно рассмотрели ваш запрос и, к сожалению, "
            "сейчас не можем за него взяться.\n\n"
            "Если условия изменятся или понадобится другое здание из металлоконструкций, ответьте на это письмо: "
            "будем рады помочь.\n\n"
            "С уважением,\n{responsible}\n"
        ),
    },
    {
        "code": "lead_not_our_product",
        "name_ru": "Не продукция компании",
        "name_en": "Not our product",
        "subject": "Ответ на ваш запрос",
        "text": (
            "Здравствуйте!\n\n"
            "Спасибо, что обратились к нам. К сожалению, то, что вы ищете, мы не производим: "
            "наш завод проектирует, изготавливает и монтирует здания из металлоконструкций – "
            "ангары, склады, цеха и навесы.\n\n"
            "Если вам понадобится такое здание, ответьте на это письмо: рассчитаем стоимость и сроки.\n\n"
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
    dependencies = [("communications", "0004_web_form_builder")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
