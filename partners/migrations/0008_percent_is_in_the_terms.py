from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("partners", "0007_commission_so_far")]

    operations = [migrations.RemoveField(model_name="partnerprofile", name="commission_percent")]
