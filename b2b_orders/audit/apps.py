from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "b2b_orders.audit"
