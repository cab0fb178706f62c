"""The worker: `celery -A b2b_orders.celery worker`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b2b_orders.settings.base")
app = Celery("b2b_orders")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
