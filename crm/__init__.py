"""The project package and the kernel the other apps stand on."""

from crm.celery import app as celery_app

__all__ = ["celery_app"]
