"""The Celery application; the schedule and all options are in the settings."""

import os

from celery import Celery, Task, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

app = Celery("crm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.task_success.connect
def note_tick(sender: Task, **kwargs: object) -> None:
    """Tell the health page that beat, broker and worker do their work together."""
    if sender.name in {entry["task"] for entry in app.conf.beat_schedule.values()}:
        from crm import health

        health.note_tick()
