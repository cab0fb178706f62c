from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "b2b_orders.accounts"
