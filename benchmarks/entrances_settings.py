"""The product without the limits of log-ins, which would refuse whoever asks this often."""

from b2b_orders.settings.base import *  # noqa: F403 the product as it is, but for what follows

ACCOUNT_RATE_LIMITS = False
# So that each request can come from an address of its own.
PORTAL_TRUSTED_PROXIES = 1
