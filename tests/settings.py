"""The settings of the suite: the product's own, with the places of its files moved into a temporary folder.

The developer's environment must not leak into the suite, so whatever the settings read is set here.
TEST_DATABASE_URL chooses the database (SQLite when there is none), TEST_REDIS_URL a server that is
already running (a private one is started when there is none).
"""

import os
import tempfile
from pathlib import Path

TEST_DIR = Path(tempfile.mkdtemp(prefix="crm-test-", dir=os.environ.get("TEST_TMPDIR") or None))
GIVEN_REDIS = os.environ.get("TEST_REDIS_URL", "").rstrip("/")
# Each process of the suite takes its own of a shared server's databases.
REDIS_NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) + 1

for line in (Path(__file__).parent.parent / ".env.example").read_text(encoding="utf-8").splitlines():
    name = line.lstrip("# ").partition("=")[0]
    os.environ.pop(name, None)
    os.environ.pop(f"{name}_FILE", None)
os.environ |= {
    "VAR_DIR": str(TEST_DIR),
    "DEMO": "false",
    "CLOCK_MOVABLE": "false",
    "SECRET_KEY": "for the suite only: not a secret, and long enough",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "SECURE_COOKIES": "false",
    "DATABASE_URL": os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{TEST_DIR / 'unused.sqlite3'}",
    "DATABASE_POOL_SIZE": "0",
    "REDIS_URL": f"{GIVEN_REDIS}/{REDIS_NUMBER}" if GIVEN_REDIS else f"unix://{TEST_DIR}/valkey.sock",
    "EMAIL_URL": "memorymail://",
    "LOG_FORMAT": "console",
}
# Playwright's event loop runs in the thread of the tests; Django must not take them for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

from crm.settings import *  # noqa: E402, F403
from crm.settings import DATABASES, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: the live server and the worker open connections of their own.
    DATABASES["default"]["TEST"] = {"NAME": str(TEST_DIR / "test.sqlite3")}
else:
    # What a test asks for over HTTP is asked for by the web's role, under the policies of row-level security; what the
    # test itself does, and what it lays out before, is the owner's.
    WEB_LOGIN = "crm_test_web"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT = TEST_DIR / "static"
STATIC_ROOT.mkdir()
# The real hasher is checked by a test of its own; here it would only cost time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGGING_CONFIG = None
