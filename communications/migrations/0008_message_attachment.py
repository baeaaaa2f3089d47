import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0018_stage_mapping"),
        ("communications", "0007_proof_of_work"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="attachment",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+",
                to="crm.attachment",
            ),
        ),
    ]  # fmt: skip
