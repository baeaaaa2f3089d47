"""Quotes become documents: quote, contract and invoice are kinds of one model; every quote keeps its number and file."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deals", "0006_quotes_sent")]

    operations = [
        migrations.RemoveConstraint(model_name="quote", name="quote_number_once"),
        migrations.RenameModel("Quote", "Document"),
        migrations.RenameField("document", "valid_until", "until"),
        migrations.AddField(
            "document",
            "kind",
            models.CharField(
                choices=[("quote", "Quote"), ("contract", "Contract"), ("invoice", "Invoice")],
                default="quote",
                max_length=10,
                verbose_name="kind",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "document",
            "printed",
            models.CharField(
                default="", help_text="The number as the template made it, without the version.", max_length=60
            ),
            preserve_default=False,
        ),
    ]
