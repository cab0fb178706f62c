"""The web process."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b2b_orders.settings.base")
served = get_wsgi_application()

# It reads settings, which are there only now.
from b2b_orders.common.wall import Guarded  # noqa: E402 after the settings

application = Guarded(served)
