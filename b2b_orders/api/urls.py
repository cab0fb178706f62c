"""Addresses of the API, version 1."""

from __future__ import annotations

from django.urls import path

from b2b_orders.api.views.orders import OrdersView, OrderView
from b2b_orders.api.views.sources import SourcesView
from b2b_orders.api.views.titles import TitlesView

app_name = "api"

urlpatterns = [
    path("orders", OrdersView.as_view(), name="orders"),
    path("orders/<uuid:public_id>", OrderView.as_view(), name="order"),
    path("titles", TitlesView.as_view(), name="titles"),
    path("sources", SourcesView.as_view(), name="sources"),
]
