"""All settings of the project, read from the environment.

Nothing has to be set for the embedded demo (SQLite, own Valkey, files under var/).
A bad value stops the start with a sentence that names the variable (crm/env.py).
"""

from pathlib import Path
from typing import Any

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from crm import env as environment
from crm.addresses import broker_url, database, mail, redis_url, web_login
from crm.embedded import demo_secret, valkey_socket
from crm.env import BadSettingError, Env
from crm.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()

VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var"))).resolve()
# The demo is what one gets with no environment at all. Whoever sets a secret key or names a database means
# a real installation, unless DEMO says otherwise.
INSTALLED = any(map(env.given, ("SECRET_KEY", "SECRET_KEY_FILE", "DATABASE_URL", "DATABASE_URL_FILE")))
DEMO = env.flag("DEMO", default=not INSTALLED)
DEBUG = env.flag("DEBUG", default=False)
# Lets the clock of crm.clock be moved forward to watch scheduled things happen; never in production.
CLOCK_MOVABLE = env.flag("CLOCK_MOVABLE", default=DEMO)
HOST = env.text("HOST", "127.0.0.1")
PORT = env.number("PORT", 8000, low=1, high=65535)
WEB_WORKERS = env.number("WEB_WORKERS", 2, low=1, high=64)
WORKER_CONCURRENCY = env.number("WORKER_CONCURRENCY", 2, low=1, high=64)

# --- Security -------------------------------------------------------------------------------------

SECRET_KEY = env.secret("SECRET_KEY") or (demo_secret(VAR_DIR) if DEMO else "")
if not SECRET_KEY:
    raise BadSettingError("SECRET_KEY", "must be set to a long random string (or SECRET_KEY_FILE to a file with one).")
if len(SECRET_KEY) < 32:
    raise BadSettingError("SECRET_KEY", "must be at least 32 characters long.")
SECRET_KEY_FALLBACKS = env.items("SECRET_KEY_FALLBACKS", [])

LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", [*LOCAL_HOSTS, HOST] if DEMO or DEBUG else [])
if not ALLOWED_HOSTS:
    raise BadSettingError("ALLOWED_HOSTS", "must list the host names people open, such as crm.example.com.")
# How people open the product: links in letters begin with it.
PUBLIC_URL = env.origin("PUBLIC_URL", f"http://localhost:{PORT}" if DEMO or DEBUG else f"https://{ALLOWED_HOSTS[0]}")
CSRF_FAILURE_VIEW = "crm.views.old_page.csrf_failure"
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
# How many reverse proxies of our own stand in front; 0 means that no forwarded header is believed.
TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXY_COUNT", 0, low=0, high=5)

SECURE_COOKIES = env.flag("SECURE_COOKIES", default=not (DEMO or DEBUG))
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 60 * 60 * 24 * env.number("SESSION_DAYS", 14, low=1, high=365)
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=False)
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = env.number("SECURE_HSTS_SECONDS", 3600 if SECURE_COOKIES else 0, low=0, high=63_072_000)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Nothing inline and nothing from elsewhere, for any page; images may be data: URLs (icons in style sheets).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- Applications ---------------------------------------------------------------------------------

INSTALLED_APPS = [
    # The project's apps come first, so that their templates and commands win.
    "accounts",
    "crm",
    "objects_registry",
    "communications",
    "deals",
    "leads",
    "partners",
    "automation",
    "analytics",
    "web",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    # WhiteNoise serves static files in development too, exactly as in production.
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "django_fsm",
    "django_filters",
    "django_htmx",
    "template_partials.apps.SimpleAppConfig",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    # First, so that nothing of a request is asked as somebody of an earlier one.
    "accounts.identity.Middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    # It needs the user, and gives the request its id, language and time zone.
    "crm.http.RequestScopeMiddleware",
    # It speaks the person's language and reads the settings in the memo of the request.
    "crm.second_factor.SecondFactorMiddleware",
    # Last: whatever stands before it deals with the person who signed in, never with the one whose eyes they borrow.
    "partners.seeing.Middleware",
]

ROOT_URLCONF = "crm.urls"
WSGI_APPLICATION = "crm.wsgi.application"
ASGI_APPLICATION = "crm.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATE_FILES = [
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            # "page.html#rows" renders one partial of a page (django-template-partials).
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    TEMPLATE_FILES if DEBUG else [("crm.folding.Loader", TEMPLATE_FILES)],
                )
            ],
            "builtins": ["template_partials.templatetags.partials"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "django.template.context_processors.tz",
                "web.context.shell",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Database -------------------------------------------------------------------------------------

# Connections a process may hold on PostgreSQL; 0 opens one per request.
DATABASE_POOL_SIZE = env.number("DATABASE_POOL_SIZE", 8, low=0, high=200)


DATABASES = {"default": database(env, VAR_DIR, pool_size=DATABASE_POOL_SIZE)}
# Row-level security: with WEB_DATABASE_URL the web process connects by that login, which has no rows but those of the
# person it asks for; everything else connects by DATABASE_URL and keeps roles and policies up to date.
WEB_LOGIN, WEB_PASSWORD = web_login(env)
if WEB_LOGIN and environment.PROCESS == "web":
    DATABASES = {"default": database(env, VAR_DIR, pool_size=DATABASE_POOL_SIZE, web=True)}

# --- Redis: cache, rate limits, broker ------------------------------------------------------------

EMBEDDED_SOCKET = valkey_socket(VAR_DIR)
# A URL given means a server given: only without one does the launcher start its own Valkey.
REDIS_URL = redis_url(env, f"unix://{EMBEDDED_SOCKET}" if DEMO else "")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "crm",
        # The embedded server and the broker share one database, so the cache is never flushed as a whole.
        "OPTIONS": {"socket_timeout": 3, "socket_connect_timeout": 3},
    },
}
SESSION_ENGINE = "crm.signin"

# --- Celery ---------------------------------------------------------------------------------------

# The default time zone of the company; the administrator may change the company's own in the settings page.
COMPANY_TIME_ZONE = env.zone("COMPANY_TIME_ZONE", "Europe/Moscow")

CELERY_BROKER_URL = broker_url(env, REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 30 * 60
CELERY_TASK_SOFT_TIME_LIMIT = 25 * 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = WORKER_CONCURRENCY
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than the longest task, else a slow one would be handed out a second time while it still runs.
    "visibility_timeout": 45 * 60,
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "global_keyprefix": "crm:",
}
# A caller must not hang when the broker is away: what is due lives in rows, the next tick finds it.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = COMPANY_TIME_ZONE
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
# Beat only asks "what is due?". A tick that waited longer than its period is worthless, hence `expires`.
CELERY_BEAT_SCHEDULE = {
    "dispatch-events": {"task": "crm.tasks.dispatch_events", "schedule": 5.0, "options": {"expires": 5}},
    "automation-due": {"task": "automation.tasks.run_due", "schedule": 10.0, "options": {"expires": 10}},
    "automation-silence": {
        "task": "automation.tasks.plan_inactive",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "send-webhooks": {"task": "communications.tasks.send_webhooks", "schedule": 5.0, "options": {"expires": 5}},
    "send-outbox": {"task": "communications.tasks.send_outbox", "schedule": 5.0, "options": {"expires": 5}},
    "mail-notices": {"task": "communications.tasks.mail_notices", "schedule": 30.0, "options": {"expires": 30}},
    "process-submissions": {
        "task": "communications.tasks.process_submissions",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "scan-duplicates": {"task": "crm.tasks.scan_duplicates", "schedule": 10.0, "options": {"expires": 10}},
    "list-jobs": {"task": "crm.tasks.run_list_jobs", "schedule": 10.0, "options": {"expires": 10}},
    "queue-digests": {"task": "analytics.tasks.queue_digests", "schedule": 300.0, "options": {"expires": 300}},
    # 03:00 of the company's time zone.
    "nightly": {
        "task": "crm.tasks.nightly",
        "schedule": crontab(hour="3", minute="0"),
        "options": {"expires": 3600},
    },
}

# --- People and sign-in ---------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["crm.signin.Backend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
# People are made by an administrator; the adapter refuses sign-up from outside.
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_PREVENT_ENUMERATION = True
# After five bad passwords for one account the next are refused for five minutes, the right one too.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "30/m/ip,5/5m/key",
    # Nobody's mailbox is filled from outside.
    "reset_password": "20/m/ip,3/10m/key",
}
ACCOUNT_FORMS = {"reset_password": "accounts.forms.ResetAskForm"}
# Setting up a factor, or taking it off, asks for the password again after so many seconds.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
MFA_ADAPTER = "accounts.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {"add_webauthn": "accounts.forms.KeyAddForm", "edit_webauthn": "accounts.forms.KeyRenameForm"}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "CRM"
# A telephone's clock may be half a minute off.
MFA_TOTP_TOLERANCE = 1
# Addresses are given by an administrator, there is nothing to verify.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True

# --- Languages and time ---------------------------------------------------------------------------

LANGUAGES = [("ru", _("Russian")), ("en", _("English"))]
LANGUAGE_CODE = env.choice("LANGUAGE_CODE", "ru", ("ru", "en"))
LOCALE_PATHS = [BASE_DIR / "locale"]
FILTERS_EMPTY_CHOICE_LABEL = _("Any")
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Files ----------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(VAR_DIR / "static"))).resolve()
STATICFILES_DIRS = [path for path in [BASE_DIR / "static"] if path.is_dir()]
# Uploaded files have no URL of their own: only views that check who asks hand them out.
MEDIA_ROOT = Path(env.text("MEDIA_ROOT", str(VAR_DIR / "media"))).resolve()
MEDIA_URL = "/media-is-not-served/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MAX_UPLOAD_MB = env.number("MAX_UPLOAD_MB", 25, low=1, high=1024)
# A form post may carry some megabytes of text; files are counted apart.
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o640

# --- Mail -----------------------------------------------------------------------------------------

MAIL = mail(env, f"filemail://{VAR_DIR / 'mail'}" if DEMO else "")
EMAIL_BACKEND = MAIL["EMAIL_BACKEND"]
EMAIL_HOST = MAIL["EMAIL_HOST"]
EMAIL_PORT = MAIL["EMAIL_PORT"]
EMAIL_HOST_USER = MAIL["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = MAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = MAIL["EMAIL_USE_TLS"]
EMAIL_USE_SSL = MAIL["EMAIL_USE_SSL"]
EMAIL_FILE_PATH = MAIL["EMAIL_FILE_PATH"]
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "crm@localhost")
if "@" not in DEFAULT_FROM_EMAIL:
    raise BadSettingError("DEFAULT_FROM_EMAIL", f"expected an e-mail address, got {DEFAULT_FROM_EMAIL!r}.")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Webhooks -------------------------------------------------------------------------------------

# Webhooks go to public addresses only, and to these networks of one's own.
WEBHOOK_ALLOWED_NETWORKS = env.networks("WEBHOOK_ALLOWED_NETWORKS")

# --- API ------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api_auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api_auth.ScopePermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "crm.api.parsing.StrictJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_PAGINATION_CLASS": "crm.api.pagination.RecordPagination",
    "DEFAULT_FILTER_BACKENDS": ["crm.api.filtering.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "crm.api.schema.RecordSchema",
    "DEFAULT_THROTTLE_CLASSES": ["crm.throttling.TokenRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "token": f"{env.number('API_REQUESTS_PER_MINUTE', 600, low=1, high=1_000_000)}/min",
        "forms": f"{env.number('FORM_POSTS_PER_MINUTE', 120, low=1, high=1_000_000)}/min",
        "forms_without_work": f"{env.number('FORM_POSTS_WITHOUT_WORK_PER_MINUTE', 10, low=1, high=1_000_000)}/min",
        "calendar": f"{env.number('CALENDAR_READS_PER_HOUR', 60, low=1, high=1_000_000)}/hour",
        "openings": f"{env.number('LETTER_OPENINGS_PER_MINUTE', 600, low=1, high=1_000_000)}/min",
        "lookups": f"{env.number('CLIENT_LOOKUPS_PER_HOUR', 300, low=1, high=1_000_000)}/hour",
    },
    "EXCEPTION_HANDLER": "crm.errors.problem_handler",
    "NUM_PROXIES": TRUSTED_PROXY_COUNT,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CRM API",
    "DESCRIPTION": _(
        "Leads, deals, contacts, companies and construction objects of a sales department.\n\n"
        "Send a token of your account with each call: `Authorization: Bearer crm_…`. Lists come in pages: `limit` "
        "rows, the next page by `cursor`. A POST with the header `Idempotency-Key` is done once, however often it is "
        "sent. An answer's `ETag`, sent back as `If-Match`, refuses a change of an older version. Refused calls are "
        "answered as `application/problem+json`; the codes are explained at /api/docs/errors."
    ),
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    # `?fields=` picks, and a partner is not shown everything: no field of an answer is promised.
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    "ENUM_NAME_OVERRIDES": {
        "StageKindEnum": "crm.models.Stage.Kind",
        "TaskKindEnum": "crm.models.Activity.Kind",
        "PointKindEnum": "crm.models.ContactPoint.Kind",
        "ExclusionKindEnum": "crm.models.Exclusion.Kind",
        "CalendarDayKindEnum": "crm.models.CalendarDay.Kind",
        "BulkActionEnum": "crm.api.many.MANY_ACTIONS",
        "JobKindEnum": "crm.models.ListJob.Kind",
        "PartnerDocumentKindEnum": "partners.models.PartnerDocument.Kind",
        "JobStateEnum": "crm.models.ListJob.State",
        "RobotStateEnum": "automation.models.ScheduledRun.State",
        "RoleEnum": "accounts.models.Role",
        "PartnerStateEnum": "accounts.models.Partner.State",
        "HandoffStateEnum": "partners.models.Handoff.State",
        "SubmissionStateEnum": "communications.models.Submission.State",
        "LetterStateEnum": "communications.models.Message.State",
        "WebhookStateEnum": "communications.models.WebhookDelivery.State",
        "DocumentKindEnum": "deals.models.Document.Kind",
        "LanguageEnum": "accounts.models.User.Language",
    },
    # With more than a hundred calls opened out at once the page is drawn for minutes.
    "SWAGGER_UI_SETTINGS": {"docExpansion": "none", "deepLinking": True, "persistAuthorization": False},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Logs -----------------------------------------------------------------------------------------

LOG_FORMAT = env.choice("LOG_FORMAT", "console" if DEMO or DEBUG else "json", ("console", "json"))
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = logging_config(form=LOG_FORMAT, level=LOG_LEVEL)
