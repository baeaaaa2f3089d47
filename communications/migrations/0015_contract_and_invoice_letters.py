"""Lays the letters that go with a contract and an invoice; a sales head may change them."""

from django.db import migrations

# fmt: off
TEMPLATES = [
    {
        "code": "contract",
        "name_ru": "Отправка договора",
        "name_en": "Sending a contract",
        "subject": "Договор {contract}",
        "text": (
            "Здравствуйте!\n\n"
            "Направляем вам договор {contract}: он во вложении. Пожалуйста, проверьте реквизиты. Если всё верно, "
            "подпишите его и пришлите нам скан.\n\n"
            "Если появятся вопросы или нужно что-то изменить, ответьте на это письмо.\n\n"
            "С уважением,\n{responsible}\n"
        ),
        "subject_en": "Contract {contract}",
        "text_en": (
            "Hello!\n\n"
            "Please find the contract {contract} attached. Check the details and, if they are right, sign it and send us "
            "a scan.\n\n"
            "If you have questions or want something changed, answer this letter.\n\n"
            "Kind regards,\n{responsible}\n"
        ),
    },
    {
        "code": "invoice",
        "name_ru": "Отправка счёта",
        "name_en": "Sending an invoice",
        "subject": "Счёт на оплату № {invoice}",
        "text": (
            "Здравствуйте!\n\n"
            "Направляем вам счёт № {invoice} на {invoice_total}: он во вложении. Пожалуйста, оплатите его до "
            "{invoice_until}.\n\n"
            "С уважением,\n{responsible}\n"
        ),
        "subject_en": "Invoice No. {invoice}",
        "text_en": (
            "Hello!\n\n"
            "Please find the invoice No. {invoice} for {invoice_total} attached; it is to be paid until "
            "{invoice_until}.\n\n"
            "Kind regards,\n{responsible}\n"
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
    dependencies = [("communications", "0014_shipped_letters_in_english")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
