"""Takes the seller's details apart: INN, KPP, OGRN, BIK and accounts stood in two free texts.

What is not understood stays in the bank's line, so nothing of it is lost.
"""

import re

from django.db import migrations

NUMBERS = {
    "seller_inn": re.compile(r"(?:ИНН|INN)?\s*:?\s*(?<!\d)(\d{10}|\d{12})(?!\d)", re.IGNORECASE),
    "seller_kpp": re.compile(r"(?:КПП|KPP)?\s*:?\s*(?<!\d)(\d{4}[\dA-Z]{2}\d{3})(?!\d)", re.IGNORECASE),
    "seller_ogrn": re.compile(r"(?:ОГРН(?:ИП)?|OGRN)?\s*:?\s*(?<!\d)(\d{13}|\d{15})(?!\d)", re.IGNORECASE),
}
BANK = {
    "seller_corr_account": re.compile(r"(?:к\s*/\s*с|корр?\w*\.?\s*сч[её]т\w*)?\s*[:№]?\s*(?<!\d)(301\d{17})(?!\d)", re.IGNORECASE),
    "seller_account": re.compile(r"(?:р\s*/\s*с|расч\w*\.?\s*сч[её]т\w*|сч[её]т)?\s*[:№]?\s*(?<!\d)(\d{20})(?!\d)", re.IGNORECASE),
    "seller_bik": re.compile(r"(?:БИК|BIK|BIC)?\s*:?\s*(?<!\d)(0\d{8})(?!\d)", re.IGNORECASE),
}  # fmt: skip


def taken(text, patterns):
    """The numbers that the text holds, by setting, and what is left of the text."""
    found = {}
    for key, pattern in patterns.items():
        match = pattern.search(text)
        if match:
            found[key] = match.group(1)
            text = f"{text[: match.start()]} {text[match.end() :]}"
    text = re.sub(r"\b(?:ИНН|КПП|ОГРН|БИК)\b:?|(?<!\w)[рк]\s*/\s*с(?!\w)", " ", text)
    left = re.sub(r"\s+", " ", re.sub(r"(?:\s*[,;/]\s*)+", ", ", text)).strip(" ,;/.")
    return found, re.sub(r"^(?:в )?банке ", "", left)


def forwards(apps, schema_editor):
    preference = apps.get_model("crm", "Preference")
    kept = dict(preference.objects.filter(key__in=["seller_inn", "seller_bank"]).values_list("key", "value"))
    if not kept:
        return
    numbers, left = taken(str(kept.get("seller_inn", "")), NUMBERS)
    in_bank, bank = taken(str(kept.get("seller_bank", "")), BANK)
    values = {"seller_inn": "", **numbers, **in_bank, "seller_bank": ", ".join(part for part in (bank, left) if part)}
    for key, value in values.items():
        preference.objects.update_or_create(key=key, defaults={"value": value})


class Migration(migrations.Migration):
    dependencies = [("crm", "0020_company_requisites")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
