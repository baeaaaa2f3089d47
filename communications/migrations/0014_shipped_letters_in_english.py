"""Gives the shipped letters English texts; a sales head may change them."""

from django.db import migrations

# fmt: off
SIGNED = "Kind regards,\n{responsible}\n"
LETTERS = {
    "delayed_reminder_1": (
        "Your project: {object}",
        "Hello, {contact}!\n\n"
        "Some time ago we talked about building this with you: {object}. You meant to come back to it later, and we have "
        "kept all the calculations.\n\n"
        "If the dates or the sizes have changed, answer this letter: we shall work out the price anew at today's cost of "
        "metal. If it is too early, there is nothing to do, we shall write once more.\n\n" + SIGNED,
    ),
    "delayed_reminder_2": (
        "Back to the project: {object}",
        "Hello, {contact}!\n\n"
        "We write once more about «{object}». To be in time for the start of construction, design and manufacture usually "
        "begin some months before: now is a good moment to fix the price and a place in the plant's schedule.\n\n"
        "Answer this letter or say when it suits you to talk, and we shall prepare a new proposal.\n\n" + SIGNED,
    ),
    "lead_declined": (
        "Our answer to your request",
        "Hello!\n\n"
        "Thank you for turning to us. We have looked at your request with care and, regrettably, cannot take it on now.\n\n"
        "If the conditions change, or you need another steel building, answer this letter: we shall gladly help.\n\n"
        + SIGNED,
    ),
    "lead_not_our_product": (
        "Our answer to your request",
        "Hello!\n\n"
        "Thank you for turning to us. Regrettably we do not make what you are looking for: our plant designs, makes and "
        "installs steel buildings – hangars, warehouses, workshops and sheds.\n\n"
        "If you need such a building, answer this letter: we shall work out the price and the time.\n\n" + SIGNED,
    ),
    "quote": (
        "Quote {quote}",
        "Hello!\n\n"
        "Please find our quote {quote} attached; it is valid until {quote_valid_until}.\n\n"
        "If you have questions or want something changed, answer this letter.\n\n" + SIGNED,
    ),
}
# fmt: on


def forwards(apps, schema_editor):
    for code, (subject, text) in LETTERS.items():
        rows = apps.get_model("communications", "MessageTemplate").objects.filter(code=code, text_en="")
        rows.update(subject_en=subject, text_en=text)


class Migration(migrations.Migration):
    dependencies = [("communications", "0013_template_languages")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
