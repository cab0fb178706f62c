from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "b2b_orders.portal"
