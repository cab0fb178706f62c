"""The few differences of a test run; the rest is what production runs."""

from b2b_orders.settings.base import *  # noqa: F403 a settings module is its base plus changes
from b2b_orders.settings.base import PORTAL_LIMITS, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = STORAGES | {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_TASK_ALWAYS_EAGER = False
WHITENOISE_AUTOREFRESH = True
# Tests ask for more in a second than a person in an hour; those of limits set their own.
PORTAL_LIMITS = dict.fromkeys(PORTAL_LIMITS, 0)
# Tests of the second factor switch it on; the cast of the others signs in with one.
PORTAL_STAFF_SECOND_FACTOR = False
