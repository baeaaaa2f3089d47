"""Existing quotes keep the number they were printed with; a version that has a later one is marked as such."""

from django.db import migrations, models
from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat


def forwards(apps, schema_editor):
    document = apps.get_model("deals", "Document")
    text = models.CharField()
    later = document.objects.filter(
        kind=OuterRef("kind"), year=OuterRef("year"), number=OuterRef("number"), version__gt=OuterRef("version")
    )
    document.objects.filter(printed="").update(
        printed=Concat(Value("КП-"), Cast("number", text), Value("/"), Cast("year", text), output_field=text)
    )
    document.objects.filter(Exists(later.order_by())).update(is_latest=False)


class Migration(migrations.Migration):
    dependencies = [("deals", "0008_document_details")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
