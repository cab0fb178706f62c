from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "b2b_orders.notifications"
