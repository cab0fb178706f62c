from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "b2b_orders.api"
