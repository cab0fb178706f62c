from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "b2b_orders.portal"

    def ready(self) -> None:
        """Register the checks of the seller's look."""
        from b2b_orders.common import brand_checks  # noqa: F401, PLC0415 registers itself
