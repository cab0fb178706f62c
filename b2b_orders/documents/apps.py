from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "b2b_orders.documents"
