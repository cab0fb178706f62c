from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "b2b_orders.documents"

    def ready(self) -> None:
        """Say which orders a list keeps by their documents."""
        from b2b_orders.documents.order_chips import teach_lists  # noqa: PLC0415 needs models

        teach_lists()
