"""What the web server of bench.intake serves: the product and the bare pages, with cache and broker as usual."""

from __future__ import annotations

import os

from bench.__main__ import start_django

start_django(os.environ["VAR_DIR"], keeps_cache=True)

from django.core.wsgi import get_wsgi_application  # noqa: E402 - the settings come first

application = get_wsgi_application()
