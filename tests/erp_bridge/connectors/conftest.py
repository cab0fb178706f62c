from __future__ import annotations

import pytest

from tests.erp_bridge.connectors.gateway import Gateway
from tests.erp_bridge.connectors.old_gateway import build, good_gateway


@pytest.fixture
def gateway():
    gateway = Gateway(good_gateway)
    yield gateway
    gateway.stop()


@pytest.fixture
def erp(gateway):
    erp = build(gateway.url)
    yield erp
    erp.close()
