"""The contract of the old "B2B Orders" app: a seller's ERP gateway as it already stands."""

from __future__ import annotations

from erp_bridge.connectors.b2b_orders_v1.config import B2BOrdersV1Config
from erp_bridge.connectors.b2b_orders_v1.connector import B2BOrdersV1

__all__ = ["B2BOrdersV1", "B2BOrdersV1Config"]
