"""Lays the shipped sources of clients into the database; a frozen copy of the list at this version."""

from django.db import migrations

SOURCES = (
    ("yandex_direct", "Яндекс Директ", "Yandex Direct"),
    ("google_ads", "Google Ads", "Google Ads"),
    ("vk_ads", "VK Реклама", "VK Ads"),
    ("telegram_ads", "Telegram Ads", "Telegram Ads"),
    ("avito", "Авито", "Avito"),
    ("other_ads", "Другая реклама", "Other advertising"),
    ("organic_yandex", "Поиск Яндекса", "Yandex search"),
    ("organic_google", "Поиск Google", "Google search"),
    ("organic_other", "Другой поиск", "Other search"),
    ("maps", "Карты и справочники", "Maps and directories"),
    ("social_vk", "ВКонтакте", "VK"),
    ("social_telegram", "Telegram", "Telegram"),
    ("social_whatsapp", "WhatsApp", "WhatsApp"),
    ("social_other", "Другие соцсети", "Other social networks"),
    ("email_campaign", "Рассылка", "E-mail campaign"),
    ("referral", "Переход с сайта", "Another site"),
    ("direct", "Прямой заход", "Direct visit"),
    ("email", "Письмо", "E-mail"),
    ("phone", "Звонок", "Phone call"),
    ("recommendation", "Рекомендация", "Recommendation"),
    ("partner", "Партнёр", "Partner"),
    ("exhibition", "Выставка", "Trade show"),
    ("tender", "Тендер", "Tender"),
    ("repeat", "Повторная продажа", "Repeat sale"),
    ("other", "Другое", "Other"),
)


def forwards(apps, schema_editor):
    source = apps.get_model("crm", "Source")
    for number, (code, name_ru, name_en) in enumerate(SOURCES):
        names = {"name_ru": name_ru, "name_en": name_en, "order": number * 10}
        source.objects.get_or_create(code=code, defaults=names)


class Migration(migrations.Migration):
    dependencies = [("crm", "0002_shipped_stages")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
