"""The door to one VTEX account, which every client of it goes through."""

from __future__ import annotations

from erp_bridge.http import Door
from erp_bridge.vtex.config import VtexConfig

# VTEX recommends a minute when it gives no hint.
THROTTLE_SECONDS = 60.0


def open_door(config: VtexConfig, source: str) -> Door:
    """Build the door with the account's key, its pace and its pause when VTEX says "too many"."""
    return Door(
        source,
        config.base_url,
        config.policy,
        headers={
            "X-VTEX-API-AppKey": config.app_key,
            "X-VTEX-API-AppToken": config.app_token,
            # The description asks for it on every call, also without a body.
            "Content-Type": "application/json",
        },
        secrets=(config.app_key, config.app_token),
        throttle_seconds=THROTTLE_SECONDS,
    )
