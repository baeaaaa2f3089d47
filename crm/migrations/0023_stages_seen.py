from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("crm", "0022_closing_jobs")]
    operations = [
        migrations.AddField("stage", "bit", models.PositiveSmallIntegerField(editable=False, null=True)),
        migrations.AddField(
            "stage",
            "advice",
            models.TextField(blank=True, verbose_name="advice when its share of the refusals is too large"),
        ),
        migrations.AddField("refusalreason", "is_other", models.BooleanField(default=False, verbose_name="“other”")),
    ]
