"""All settings. The only place that reads the environment; `.env.example` lists it.

Production, demo and tests differ by the environment alone. Secrets have no default:
without them the process does not start.
"""

from __future__ import annotations

from pathlib import Path

import environ
from csp.constants import NONCE, NONE, SELF
from redis.backoff import NoBackoff
from redis.retry import Retry

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
# Where people buy again; "" where the order's page leads nowhere.
PORTAL_STORE_URL: str = env("PORTAL_STORE_URL", default="")
PORTAL_SUPPORT_EMAIL: str = env("PORTAL_SUPPORT_EMAIL", default="")
# The seller's look: a colour like #0a5a55, and a logo (path, or a data: address) as SVG or PNG.
PORTAL_BRAND_COLOR: str = env("PORTAL_BRAND_COLOR", default="")
PORTAL_SELLER_LOGO: str = env("PORTAL_SELLER_LOGO", default="")
# The page of all components, for those who build pages; not for production.
PORTAL_GALLERY: bool = env.bool("PORTAL_GALLERY", default=DEBUG)
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
    "b2b_orders.notifications",
    "b2b_orders.ingest",
    "b2b_orders.portal",
    "b2b_orders.api",
    "b2b_orders.demo",
]

MIDDLEWARE = [
    # First, so that nothing after it can write down what it hides.
    "b2b_orders.common.requests.SecretPathMiddleware",
    "b2b_orders.common.headers.HeadersMiddleware",
    "b2b_orders.common.compression.CompressionMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Before whatever may answer or fail by itself, so that every answer has the policy
    # and stands in no frame.
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "b2b_orders.common.requests.RequestContextMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # Outside the viewer's scope: no transaction waits while an answer is held back.
    "b2b_orders.portal.limiting.SlowMiddleware",
    "b2b_orders.companies.middleware.ViewerMiddleware",
    "b2b_orders.portal.limiting.LimitMiddleware",
    "b2b_orders.audit.middleware.RecordMiddleware",
    "b2b_orders.portal.middleware.LanguageMiddleware",
    "b2b_orders.portal.gate.SignInMiddleware",
    "b2b_orders.portal.acting.ActingMiddleware",
    "b2b_orders.portal.middleware.OwnCompanyLinkMiddleware",
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

# What pages call the levels of messages: the classes of `components/notice.css`.
MESSAGE_TAGS = {20: "info", 25: "good", 30: "warn", 40: "bad"}

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
        # No page waits for long for a cache that does not answer. Once more at once, for a
        # connection that the server has let go.
        "OPTIONS": {
            "socket_timeout": 2,
            "socket_connect_timeout": 1,
            "retry": Retry(NoBackoff(), 1),
        },
    }
}
SESSION_ENGINE = "b2b_orders.common.sessions"

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
# At most one mail with news of what a person follows in so many seconds.
PORTAL_NOTICE_SECONDS: float = env.float("PORTAL_NOTICE_SECONDS", default=3600.0)
CELERY_BEAT_SCHEDULE = {
    "sweep-notices": {
        "task": "notifications.sweep",
        "schedule": min(10.0, PORTAL_NOTICE_SECONDS / 4),
        "options": {"expires": 9, "queue": "interactive"},
    },
    "look-in-turn": {
        "task": "notifications.look_in_turn",
        "schedule": min(60.0, PORTAL_NOTICE_SECONDS / 4),
        "options": {"expires": 55, "queue": "sync"},
    },
    "look-back": {
        "task": "notifications.look_back",
        "schedule": 600.0,
        "options": {"expires": 550, "queue": "sync"},
    },
    "tell-notices": {
        "task": "notifications.tell",
        "schedule": min(15.0, PORTAL_NOTICE_SECONDS / 4),
        "options": {"expires": 14, "queue": "interactive"},
    },
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
    "verify-audit": {
        "task": "audit.verify",
        "schedule": 21_600.0,
        "options": {"expires": 3600, "queue": "sync"},
    },
    # By day nothing happens; at night it goes on where it was.
    "keep-documents": {
        "task": "ingest.keep_documents",
        "schedule": 120.0,
        "options": {"expires": 110, "queue": "sync"},
    },
    "find-map-conflicts": {
        "task": "ingest.find_map_conflicts",
        "schedule": 3600.0,
        "options": {"expires": 3000, "queue": "sync"},
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
    "sweep-sign-in-mail": {
        "task": "accounts.sweep_mail",
        "schedule": 5.0,
        "options": {"expires": 4, "queue": "interactive"},
    },
    "tidy-accounts": {
        "task": "accounts.tidy",
        "schedule": 3600.0,
        "options": {"expires": 3000, "queue": "sync"},
    },
    "take-added-numbers": {
        "task": "ingest.take_added_numbers",
        "schedule": 5.0,
        "options": {"expires": 4, "queue": "interactive"},
    },
    "learn-documents": {
        "task": "documents.learn",
        "schedule": 5.0,
        "options": {"expires": 4, "queue": "interactive"},
    },
    "send-people-mail": {
        "task": "people.send_mail",
        "schedule": 5.0,
        "options": {"expires": 4, "queue": "interactive"},
    },
    "tidy-people": {
        "task": "people.tidy",
        "schedule": 3600.0,
        "options": {"expires": 3000, "queue": "sync"},
    },
    "tell-watchers": {
        "task": "documents.tell",
        "schedule": 30.0,
        "options": {"expires": 25, "queue": "interactive"},
    },
    "tell-alarms": {
        "task": "audit.tell_alarms",
        "schedule": 15.0,
        "options": {"expires": 14, "queue": "interactive"},
    },
    "tell-answers": {
        "task": "orders.tell_answers",
        "schedule": 10.0,
        "options": {"expires": 9, "queue": "interactive"},
    },
    "tell-awaited": {
        "task": "orders.tell_awaited",
        "schedule": 30.0,
        "options": {"expires": 25, "queue": "interactive"},
    },
    "watch-staff": {
        "task": "audit.watch_staff",
        "schedule": 60.0,
        "options": {"expires": 50, "queue": "interactive"},
    },
    "sweep-taking": {
        "task": "ingest.sweep_taking",
        "schedule": 10.0,
        "options": {"expires": 9, "queue": "interactive"},
    },
    "sweep-exports": {
        "task": "orders.sweep_exports",
        "schedule": 5.0,
        "options": {"expires": 4, "queue": "interactive"},
    },
    "tidy-exports": {
        "task": "orders.tidy_exports",
        "schedule": 600.0,
        "options": {"expires": 500, "queue": "sync"},
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
# Identity providers are rows of ours, see docs/single-sign-on.md; allauth keeps no tokens.
SOCIALACCOUNT_ADAPTER = "b2b_orders.audit.single_sign_on.SocialAccountAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
# People are invited or made by an administrator; an address is proved by whoever adds them.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
# An office shares one address; a guessed person has the narrow limits, by the network of who
# guesses, so that nobody is kept out from elsewhere (`accounts.adapter`). A wrong code of an app or
# a wrong recovery code counts as a failed log-in.
ACCOUNT_RATE_LIMITS = {
    "login": "120/m/ip",
    "login_failed": "30/m/ip,5/5m/key",
    "request_login_code": "120/m/ip,3/m/key,10/h/key",
    "reset_password": "120/m/ip,3/m/key,10/h/key",
    "reset_password_from_key": "120/m/ip",
    "reauthenticate": "10/m/user",
    "change_password": "10/m/user",
}
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 600
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 3
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "dashed": False, "length": 6}
PASSWORD_RESET_TIMEOUT = 3600
MFA_ADAPTER = "b2b_orders.accounts.mfa.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# A passkey asks for finger, face or PIN, so that it stands for two factors.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_RATE_LIMITS = {"webauthn_login": "120/m/ip"}
# People's clocks differ by half a minute; a code works once all the same.
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "authenticate": "b2b_orders.accounts.mfa.CodeForm",
    "reauthenticate": "b2b_orders.accounts.mfa.CodeAgainForm",
    "activate_totp": "b2b_orders.accounts.mfa.ActivateAppForm",
    "add_webauthn": "b2b_orders.accounts.mfa.AddPasskeyForm",
    "login_webauthn": "b2b_orders.accounts.mfa.PasskeyLoginForm",
    "authenticate_webauthn": "b2b_orders.accounts.mfa.PasskeyForm",
    "reauthenticate_webauthn": "b2b_orders.accounts.mfa.PasskeyAgainForm",
}
# The seller's people need a second factor; companies ask for it one by one.
PORTAL_STAFF_SECOND_FACTOR: bool = env.bool("PORTAL_STAFF_SECOND_FACTOR", default=True)
# How long a log-in lasts unused, and in all: of the companies' people and of the seller's.
PORTAL_SESSION_IDLE_MINUTES: int = env.int("PORTAL_SESSION_IDLE_MINUTES", default=720)
PORTAL_SESSION_HOURS: int = env.int("PORTAL_SESSION_HOURS", default=168)
PORTAL_STAFF_SESSION_HOURS: int = env.int("PORTAL_STAFF_SESSION_HOURS", default=8)
# The browser forgets it when it closes, by whatever way one logged in.
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = 3600 * max(PORTAL_SESSION_HOURS, PORTAL_STAFF_SESSION_HOURS)

# --- limits -------------------------------------------------------------------------
# How much one person may ask for in a minute, by what it costs; 0 is without limit. A company
# may ask for `company_factor` times as much; its people are never counted by their network
# address, which an office shares. `address` is for who has not logged in, `unknown` for
# addresses that do not exist or are not the person's, `secret` for links that lead nowhere.
PORTAL_LIMITS: dict[str, int] = {
    "page": env.int("PORTAL_LIMIT_PAGES", default=300),
    "search": env.int("PORTAL_LIMIT_SEARCHES", default=120),
    "lookup": env.int("PORTAL_LIMIT_LOOKUPS", default=30),
    "document": env.int("PORTAL_LIMIT_DOCUMENTS", default=240),
    "export": env.int("PORTAL_LIMIT_EXPORTS", default=20),
    "unknown": env.int("PORTAL_LIMIT_UNKNOWN", default=40),
    "address": env.int("PORTAL_LIMIT_ADDRESS", default=1200),
    "secret": env.int("PORTAL_LIMIT_SECRETS", default=60),
    "company_factor": env.int("PORTAL_LIMIT_COMPANY_FACTOR", default=20),
}
# Log-ins that fail within an hour, of one person and from one address, until operations hear.
PORTAL_LOGIN_ALARMS: dict[str, int] = {
    "person": env.int("PORTAL_LOGIN_ALARM_PERSON", default=10),
    "address": env.int("PORTAL_LOGIN_ALARM_ADDRESS", default=100),
}
# Who is told of alarms by mail; everybody of operations unless somebody is named.
PORTAL_ALARM_EMAILS: list[str] = env.list("PORTAL_ALARM_EMAILS", default=[])
# Questions about orders that one person may ask in an hour.
PORTAL_QUESTIONS_AN_HOUR: int = env.int("PORTAL_QUESTIONS_AN_HOUR", default=20)
# Where weaknesses are reported: mailto: or https:, for /.well-known/security.txt. Without it
# the support address stands there, and without that there is no such page.
PORTAL_SECURITY_CONTACT: str = env("PORTAL_SECURITY_CONTACT", default="")

# --- headers ----------------------------------------------------------------------
PORTAL_HTTPS: bool = env.bool("PORTAL_HTTPS", default=PORTAL_URL.startswith("https://"))
SESSION_COOKIE_SECURE = PORTAL_HTTPS
CSRF_COOKIE_SECURE = PORTAL_HTTPS
# The prefix has browsers refuse a cookie that another host of the domain, or plain HTTP, set.
SESSION_COOKIE_NAME = "__Host-sessionid" if PORTAL_HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if PORTAL_HTTPS else "csrftoken"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = PORTAL_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "b2b_orders.portal.views.errors.csrf_failed"
SECURE_SSL_REDIRECT = PORTAL_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if PORTAL_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PORTAL_HTTPS
SECURE_HSTS_PRELOAD = PORTAL_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
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
        "worker-src": [SELF],
        "upgrade-insecure-requests": PORTAL_HTTPS,
    },
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
    "staticfiles": {"BACKEND": "b2b_orders.common.bundles.BundlingStorage"},
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
# Lists of orders as files: rows that are written while a person waits, and rows at most.
PORTAL_EXPORT_AT_ONCE: int = env.int("PORTAL_EXPORT_AT_ONCE", default=1000)
PORTAL_EXPORT_ROWS: int = env.int("PORTAL_EXPORT_ROWS", default=100_000)
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
# Days for which the link of an invitation works.
PORTAL_INVITATION_DAYS: int = env.int("PORTAL_INVITATION_DAYS", default=7)
# Invitations that one company may have mailed in a day, by hand and from lists.
PORTAL_INVITATIONS_A_DAY: int = env.int("PORTAL_INVITATIONS_A_DAY", default=3000)
# Support's time of acting for a company, in idle minutes.
PORTAL_ACTING_MINUTES: int = env.int("PORTAL_ACTING_MINUTES", default=30)
# Orders and companies that one person of staff may open within an hour before operations are
# told and the person has to sign in again.
PORTAL_STAFF_ORDERS_AN_HOUR: int = env.int("PORTAL_STAFF_ORDERS_AN_HOUR", default=200)
PORTAL_STAFF_COMPANIES_AN_HOUR: int = env.int("PORTAL_STAFF_COMPANIES_AN_HOUR", default=50)

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
