"""The product's database and nothing of its middleware."""

from b2b_orders.settings.base import *  # noqa: F403 the floor shares every database setting

MIDDLEWARE = []
ROOT_URLCONF = "benchmarks.bare"
WSGI_APPLICATION = "benchmarks.bare.application"
