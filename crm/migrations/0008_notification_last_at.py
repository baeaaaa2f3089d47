"""What was told of before came alone: the newest of its group is itself."""

from django.db import migrations
from django.db.models import F


def fill(apps, schema_editor):
    """Take the time of the row itself."""
    apps.get_model("crm", "Notification").objects.update(last_at=F("created_at"))


class Migration(migrations.Migration):
    dependencies = [("crm", "0007_notification_groups")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
