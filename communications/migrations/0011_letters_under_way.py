from django.db import migrations, models


def forwards(apps, schema_editor):
    """Letters under way when this came: the old worker did not note whether their text was begun, so they may have left."""
    Message = apps.get_model("communications", "Message")
    Message.objects.filter(state="sending", handed_at__isnull=True).update(handed_at=models.F("claimed_at"))


class Migration(migrations.Migration):
    dependencies = [("communications", "0010_message_handed_over")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
