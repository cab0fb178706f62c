"""All settings. The only place that reads the environment; `.env.example` lists it.

Production, demo and tests differ by the environment alone. Secrets have no default:
without them the process does not start.
"""

from __future__ import annotations

from pathlib import Path

import environ
from csp.constants import NONCE, NONE, SELF

BASE_DIR = Path(__file__).resolve().parents[2]
env = environ.FileAwareEnv()

# --- keys and hosts ---------------------------------------------------------
SECRET_KEY: str = env("PORTAL_SECRET_KEY")
# Fernet keys (comma separated, newest first) that encrypt the secrets of connections.
PORTAL_ENCRYPTION_KEYS: list[str] = env.list("PORTAL_ENCRYPTION_KEYS")
DEBUG: bool = env.bool("PORTAL_DEBUG", default=False)
ALLOWED_HOSTS: list[str] = env.list("PORTAL_ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
PORTAL_URL: str = env("PORTAL_URL", default="http://127.0.0.1:8000")
CSRF_TRUSTED_ORIGINS: list[str] = env.list("PORTAL_TRUSTED_ORIGINS", default=[])
PORTAL_SELLER_NAME: str = env("PORTAL_SELLER_NAME", default="B2B Orders")
PORTAL_SUPPORT_EMAIL: str = env("PORTAL_SUPPORT_EMAIL", default="")
# How many proxies in front of us append to X-Forwarded-For; 0 trusts the socket only.
PORTAL_TRUSTED_PROXIES: int = env.int("PORTAL_TRUSTED_PROXIES", default=0)

# --- apps -------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    "allauth.usersessions",
    "django_htmx",
    "csp",
    "rest_framework",
    "b2b_orders.accounts",
    "b2b_orders.companies",
    "b2b_orders.audit",
    "b2b_orders.orders",
    "b2b_orders.documents",
    "b2b_orders.ingest",
    "b2b_orders.portal",
    "b2b_orders.api",
    "b2b_orders.demo",
]

MIDDLEWARE = [
    # First, so that nothing after it can write down what it hides.
    "b2b_orders.common.requests.SecretPathMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Before whatever may answer or fail by itself, so that every answer has the policy.
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "b2b_orders.common.requests.RequestContextMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "b2b_orders.companies.middleware.ViewerMiddleware",
    "b2b_orders.audit.middleware.RecordMiddleware",
    "b2b_orders.portal.middleware.LanguageMiddleware",
]

ROOT_URLCONF = "b2b_orders.urls"
WSGI_APPLICATION = "b2b_orders.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "b2b_orders.portal.context.portal",
            ],
        },
    }
]

# --- database: PostgreSQL 15 or newer, see docs/decisions ---------------------
# The web process connects as b2b_web, workers as b2b_worker, migrations as b2b_owner.
DATABASES = {"default": env.db_url("PORTAL_DATABASE_URL")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": env.int("PORTAL_DATABASE_CONN_MAX_AGE", default=60),
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": DATABASES["default"].get("OPTIONS", {})
    | {
        # Statements that come again are planned once per connection: behind row-level
        # security planning takes several times as long as running.
        "server_side_binding": True,
        "prepare_threshold": 3,
        "options": "-c statement_timeout={} -c lock_timeout=5000"
        " -c idle_in_transaction_session_timeout=60000".format(
            env.int("PORTAL_STATEMENT_TIMEOUT_MS", default=8000)
        ),
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- broker and cache (Redis protocol) ----------------------------------------
PORTAL_BROKER_URL: str = env("PORTAL_BROKER_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env("PORTAL_CACHE_URL"),
        "KEY_PREFIX": "portal",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

CELERY_BROKER_URL = PORTAL_BROKER_URL
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_DEFAULT_QUEUE = "sync"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# The visibility timeout must exceed the longest task; the restore settings make a dead
# worker's message come back after it, instead of at every tenth look.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 30,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "global_keyprefix": "portal:",
}
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 2,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.5,
}
CELERY_TIMEZONE = "UTC"
# Pauses between two looks at the VTEX feed and at the ERPs.
PORTAL_FEED_SECONDS: float = env.float("PORTAL_FEED_SECONDS", default=30.0)
PORTAL_ERP_SECONDS: float = env.float("PORTAL_ERP_SECONDS", default=300.0)
CELERY_BEAT_SCHEDULE = {
    "tick": {
        "task": "ingest.tick",
        "schedule": 2.0,
        "options": {"expires": 1.9, "queue": "interactive"},
    },
    "tidy": {
        "task": "ingest.tidy",
        "schedule": 3600.0,
        "options": {"expires": 3000, "queue": "sync"},
    },
    # By day nothing happens; at night it goes on where it was.
    "keep-documents": {
        "task": "ingest.keep_documents",
        "schedule": 120.0,
        "options": {"expires": 110, "queue": "sync"},
    },
    "sweep-lookups": {
        "task": "ingest.sweep_lookups",
        "schedule": 5.0,
        "options": {"expires": 4, "queue": "interactive"},
    },
    "sweep-errands": {
        "task": "ingest.sweep_errands",
        "schedule": 5.0,
        "options": {"expires": 4, "queue": "interactive"},
    },
    "learn-documents": {
        "task": "documents.learn",
        "schedule": 5.0,
        "options": {"expires": 4, "queue": "interactive"},
    },
    "tell-watchers": {
        "task": "documents.tell",
        "schedule": 30.0,
        "options": {"expires": 25, "queue": "interactive"},
    },
    "sweep-taking": {
        "task": "ingest.sweep_taking",
        "schedule": 10.0,
        "options": {"expires": 9, "queue": "interactive"},
    },
    "tidy-packs": {
        "task": "ingest.tidy_packs",
        "schedule": 600.0,
        "options": {"expires": 500, "queue": "sync"},
    },
    "sweep-renderings": {
        "task": "ingest.sweep_renderings",
        "schedule": 5.0,
        "options": {"expires": 4, "queue": "interactive"},
    },
    "render-ahead": {
        "task": "ingest.render_ahead",
        "schedule": 30.0,
        "options": {"expires": 25, "queue": "sync"},
    },
    "review-renderings": {
        "task": "ingest.review_renderings",
        "schedule": 3600.0,
        "options": {"expires": 3000, "queue": "sync"},
    },
    "seal-audit": {
        "task": "audit.seal",
        "schedule": 60.0,
        "options": {"expires": 50, "queue": "interactive"},
    },
    "sweep-person-exports": {
        "task": "ingest.sweep_person_exports",
        "schedule": 15.0,
        "options": {"expires": 14, "queue": "interactive"},
    },
    "anchor-audit": {
        "task": "audit.anchor",
        "schedule": 900.0,
        "options": {"expires": 800, "queue": "sync"},
    },
    # By day nothing happens; at night it goes on where it was.
    "apply-retention": {
        "task": "ingest.apply_retention",
        "schedule": 300.0,
        "options": {"expires": 280, "queue": "sync"},
    },
    "check-sources": {
        "task": "ingest.check_sources",
        "schedule": env.float("PORTAL_HEALTH_SECONDS", default=30.0),
        "options": {"expires": 25, "queue": "sync"},
    },
}

# --- people --------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.Person"
# Addresses are unique, by an index without case that this check does not look for.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "b2b_orders.audit.sign_in.RecordingAccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
# People are invited or made by an administrator; an address is proved by whoever adds them.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
# An office shares one address; a guessed person has the narrow limit.
ACCOUNT_RATE_LIMITS = {"login": "120/m/ip", "login_failed": "30/m/ip,5/5m/key"}

# --- headers ----------------------------------------------------------------------
PORTAL_HTTPS: bool = env.bool("PORTAL_HTTPS", default=PORTAL_URL.startswith("https://"))
SESSION_COOKIE_SECURE = PORTAL_HTTPS
CSRF_COOKIE_SECURE = PORTAL_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "b2b_orders.portal.views.errors.csrf_failed"
SECURE_SSL_REDIRECT = PORTAL_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if PORTAL_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PORTAL_HTTPS
SECURE_HSTS_PRELOAD = PORTAL_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if PORTAL_HTTPS and PORTAL_TRUSTED_PROXIES else None
)
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
    }
}

# --- languages and time -----------------------------------------------------------
LANGUAGE_CODE = "pt-br"
LANGUAGES = [("pt-br", "Português"), ("es", "Español"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "b2b_orders" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env("PORTAL_TIME_ZONE", default="America/Sao_Paulo")
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"

# --- files ------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env.path("PORTAL_STATIC_ROOT", default=str(BASE_DIR / "var" / "static"))()
# Documents are kept in a directory, or in a bucket once one is named.
_DOCUMENTS_DIRECTORY = {
    "BACKEND": "b2b_orders.documents.backends.DocumentDirectory",
    "OPTIONS": {
        "location": env("PORTAL_DOCUMENTS_DIR", default=str(BASE_DIR / "var" / "documents")),
        "base_url": None,
        "directory_permissions_mode": 0o700,
    },
}
_DOCUMENTS_BUCKET = {
    "BACKEND": "b2b_orders.documents.backends.DocumentBucket",
    "OPTIONS": {
        "bucket": env("PORTAL_DOCUMENTS_S3_BUCKET", default=""),
        "prefix": env("PORTAL_DOCUMENTS_S3_PREFIX", default=""),
        "endpoint": env("PORTAL_DOCUMENTS_S3_ENDPOINT", default=""),
        "region": env("PORTAL_DOCUMENTS_S3_REGION", default=""),
        "access_key": env("PORTAL_DOCUMENTS_S3_ACCESS_KEY", default=""),
        "secret_key": env("PORTAL_DOCUMENTS_S3_SECRET_KEY", default=""),
        "encryption": env("PORTAL_DOCUMENTS_S3_ENCRYPTION", default=""),
        "encryption_key": env("PORTAL_DOCUMENTS_S3_ENCRYPTION_KEY", default=""),
    },
}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "documents": _DOCUMENTS_BUCKET
    if _DOCUMENTS_BUCKET["OPTIONS"]["bucket"]  # type: ignore[index] # a dict of dicts
    else _DOCUMENTS_DIRECTORY,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

# --- sources ----------------------------------------------------------------------
# Hosts that connections may reach although they resolve to private or loopback addresses.
PORTAL_PRIVATE_HOSTS: list[str] = env.list("PORTAL_PRIVATE_HOSTS", default=[])
# Plain http:// to sources, for simulators and ERPs inside a VPN only.
PORTAL_ALLOW_PLAIN_HTTP: bool = env.bool("PORTAL_ALLOW_PLAIN_HTTP", default=False)
PORTAL_DOCUMENT_MAX_BYTES: int = env.int("PORTAL_DOCUMENT_MAX_BYTES", default=25_000_000)
PORTAL_DOCUMENT_SECONDS: float = env.float("PORTAL_DOCUMENT_SECONDS", default=30.0)
# How many files one web process fetches at once: fewer than its threads, so that a source
# that is slow leaves some to pages.
PORTAL_DOCUMENTS_AT_ONCE: int = env.int("PORTAL_DOCUMENTS_AT_ONCE", default=3)
# A PDF with scripts, attachments or the like: "refuse", or "warn" and hand it out.
PORTAL_ACTIVE_CONTENT: str = env.str("PORTAL_ACTIVE_CONTENT", default="refuse")
# Days for which fetched files are kept, by kind; 0 keeps them for ever. What was dropped is
# fetched again when somebody asks. XMLs count from their issue (11 years), other files from
# theirs (5 years), boletos from their due date, pages of our making from when they were made.
PORTAL_KEEP_XML_DAYS: int = env.int("PORTAL_KEEP_XML_DAYS", default=4018)
PORTAL_KEEP_FILE_DAYS: int = env.int("PORTAL_KEEP_FILE_DAYS", default=1827)
PORTAL_KEEP_BOLETO_DAYS: int = env.int("PORTAL_KEEP_BOLETO_DAYS", default=90)
PORTAL_KEEP_RENDERED_DAYS: int = env.int("PORTAL_KEEP_RENDERED_DAYS", default=30)
# All documents of an order as one ZIP: so many files at most, so many of them fetched while
# a person waits, for so many seconds in all. What is beyond is built by a worker.
PORTAL_ZIP_FILES: int = env.int("PORTAL_ZIP_FILES", default=1000)
PORTAL_ZIP_FETCHES: int = env.int("PORTAL_ZIP_FETCHES", default=40)
PORTAL_ZIP_SECONDS: float = env.float("PORTAL_ZIP_SECONDS", default=60.0)
# Packs that workers build: documents at most, size and files of one ZIP file, days that it is
# kept, and how many may be under way at once.
PORTAL_PACK_FILES: int = env.int("PORTAL_PACK_FILES", default=20_000)
PORTAL_PACK_PART_BYTES: int = env.int("PORTAL_PACK_PART_BYTES", default=200_000_000)
PORTAL_PACK_PART_FILES: int = env.int("PORTAL_PACK_PART_FILES", default=1000)
PORTAL_PACK_DAYS: int = env.int("PORTAL_PACK_DAYS", default=7)
PORTAL_PACKS_OF_PERSON: int = env.int("PORTAL_PACKS_OF_PERSON", default=3)
PORTAL_PACKS_OF_COMPANY: int = env.int("PORTAL_PACKS_OF_COMPANY", default=10)
# Documents that one person may have e-mailed in an hour; the largest that is attached.
PORTAL_MAILS_AN_HOUR: int = env.int("PORTAL_MAILS_AN_HOUR", default=30)
PORTAL_MAIL_BYTES: int = env.int("PORTAL_MAIL_BYTES", default=10_000_000)
# A live look-up of the same number for the same company runs once in this many seconds.
PORTAL_LOOKUP_SECONDS: int = env.int("PORTAL_LOOKUP_SECONDS", default=30)
# How long a source is left alone when it fails again and again; twice as long each time after.
PORTAL_BREAKER_SECONDS: float = env.float("PORTAL_BREAKER_SECONDS", default=30.0)
# An order that somebody opens is read again when it was last read longer ago than this.
PORTAL_FRESH_SECONDS: int = env.int("PORTAL_FRESH_SECONDS", default=300)
# A source that has not answered for this long is asked whether it still does.
PORTAL_SILENT_SECONDS: int = env.int("PORTAL_SILENT_SECONDS", default=60)
# Support's time of acting for a company, in idle minutes.
PORTAL_ACTING_MINUTES: int = env.int("PORTAL_ACTING_MINUTES", default=30)

# --- the audit record, and what is kept of people -----------------------------------
# Where the hash of the newest seal is mailed every day, to be kept outside.
PORTAL_AUDIT_ANCHOR_EMAIL: str = env("PORTAL_AUDIT_ANCHOR_EMAIL", default="")
# Days for which rows are kept; 0 keeps them for ever. Lines of the audit record, and the
# addresses in them, cannot be kept for less than six months. Reasons: docs/privacy.md.
PORTAL_KEEP_AUDIT_DAYS: int = env.int("PORTAL_KEEP_AUDIT_DAYS", default=1827)
PORTAL_KEEP_ADDRESS_DAYS: int = env.int("PORTAL_KEEP_ADDRESS_DAYS", default=365)
PORTAL_KEEP_INVITATION_DAYS: int = env.int("PORTAL_KEEP_INVITATION_DAYS", default=90)
PORTAL_KEEP_INCIDENT_DAYS: int = env.int("PORTAL_KEEP_INCIDENT_DAYS", default=365)
PORTAL_KEEP_ACTING_DAYS: int = env.int("PORTAL_KEEP_ACTING_DAYS", default=1827)
PORTAL_KEEP_ERRAND_DAYS: int = env.int("PORTAL_KEEP_ERRAND_DAYS", default=30)
PORTAL_KEEP_LOOKUP_DAYS: int = env.int("PORTAL_KEEP_LOOKUP_DAYS", default=30)
PORTAL_KEEP_AWAITED_DAYS: int = env.int("PORTAL_KEEP_AWAITED_DAYS", default=90)
PORTAL_KEEP_MAILING_DAYS: int = env.int("PORTAL_KEEP_MAILING_DAYS", default=365)

# The token that Prometheus sends for /metrics; without one there is no such address.
PORTAL_METRICS_TOKEN: str = env("PORTAL_METRICS_TOKEN", default="")

# --- API --------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "b2b_orders.api.errors.handle",
    "COERCE_DECIMAL_TO_STRING": True,
}

# --- mail -------------------------------------------------------------------------
EMAIL_CONFIG = env.email_url("PORTAL_EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL: str = env("PORTAL_FROM_EMAIL", default="no-reply@localhost")
# A worker waits so long for a mail server that does not answer.
EMAIL_TIMEOUT = 20

# --- logs -------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "b2b_orders.common.logging.ContextFilter"}},
    "formatters": {"json": {"()": "b2b_orders.common.logging.JsonFormatter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["context"],
        }
    },
    # It announces itself in every process that opens a PDF.
    "loggers": {"pikepdf": {"level": "WARNING"}},
    "root": {"handlers": ["console"], "level": env("PORTAL_LOG_LEVEL", default="INFO")},
}
