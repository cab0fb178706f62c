"""Following orders: B39."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1, O3
from erp_bridge.simulators.mail import text_of
from tests.journeys.conftest import DESKTOP, search
from tests.journeys.test_everybody import PHONE, RULES
