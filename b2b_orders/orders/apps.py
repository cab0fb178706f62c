from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "b2b_orders.orders"
