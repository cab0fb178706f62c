"""Connectors to ERPs, one folder each; `erp_bridge.registry` lists them."""
