from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "b2b_orders.accounts"

    def ready(self) -> None:
        """Register the checks of settings."""
        from b2b_orders.accounts import checks  # noqa: F401, PLC0415 registers itself
