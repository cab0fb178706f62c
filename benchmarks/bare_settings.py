"""The product's database connection and nothing else of it: no apps, no middleware."""

from b2b_orders.settings.base import *  # noqa: F403 the floor shares every database setting

INSTALLED_APPS = []
MIDDLEWARE = []
TEMPLATES = []
ROOT_URLCONF = "benchmarks.bare"
WSGI_APPLICATION = "benchmarks.bare.application"
