"""Lays the shipped texts of letters; a sales head may change them."""

from django.db import migrations

# fmt: off
TEMPLATES = [
    {
        "code": "delayed_reminder_1",
        "name_ru": "Отложенный спрос: первое напоминание",
        "name_en": "Delayed demand: first reminder",
        "subject": "Ваш проект: {object}",
        "text": (
            "Здравствуйте, {contact}!\n\n"
            "Некоторое время назад мы обсуждали с вами строительство: {object}. "
            "Вы говорили, что вернётесь к нему позже, и мы сохранили все расчёты.\n\n"
            "Если сроки или размеры изменились, ответьте на это письмо: пересчитаем стоимость по текущим ценам на металл. "
            "Если вопрос пока не ко времени, ничего делать не нужно, мы напомним о себе ещё раз.\n\n"
            "С уважением,\n{responsible}\n"
        ),
    },
    {
        "code": "delayed_reminder_2",
        "name_ru": "Отложенный спрос: второе напоминание",
        "name_en": "Delayed demand: second reminder",
        "subject": "Возвращаемся к проекту: {object}",
        "text": (
            "Здравствуйте, {contact}!\n\n"
            "Пишем вам ещё раз о проекте «{object}». Чтобы успеть к началу строительства, проектирование и изготовление "
            "обычно начинают за несколько месяцев: сейчас подходящее время зафиксировать цену и место в графике завода.\n\n"
            "Ответьте на это письмо или напишите, когда вам удобно поговорить, и мы подготовим обновлённое предложение.\n\n"
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
    dependencies = [("communications", "0001_initial")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
