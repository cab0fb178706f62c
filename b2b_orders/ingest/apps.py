from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "b2b_orders.ingest"
