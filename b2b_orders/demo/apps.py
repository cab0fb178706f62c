from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "b2b_orders.demo"
