"""The WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

from crm import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
# Before the settings are read: the web process has a login of its own to the database, where there is one.
env.PROCESS = "web"

application = get_wsgi_application()
