"""Words for the program that somebody signed in with."""

from __future__ import annotations

import pytest

from b2b_orders.accounts.devices import device_words

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0"


MAC = "Macintosh; Intel Mac OS X 10_15_7"
PHONE = "iPhone; CPU iPhone OS 18_0 like Mac OS X"
SAMSUNG = "SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/142.0 Safari/537.36", "Chrome · Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/1 Safari/1 Edg/142.0", "Edge · Windows"),
        (f"Mozilla/5.0 (Linux; Android 15) {WEBKIT} {SAMSUNG}", "Samsung Internet · Android"),
        (f"Mozilla/5.0 ({PHONE}) {SAFARI} Mobile/15E Safari/604.1", "Safari · iPhone"),
        (f"Mozilla/5.0 (iPad; CPU OS 18_0) {SAFARI} CriOS/142.0 Safari/604.1", "Chrome · iPad"),
        (f"Mozilla/5.0 ({MAC}) {SAFARI} Safari/605.1.15", "Safari · macOS"),
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0", "Firefox · Linux"),
        ("curl/8.5.0", ""),
        ("", ""),
        ("Chrome<script>alert(1)</script>", ""),
    ],
)
def test_browser_and_system_are_named_as_people_know_them(agent, said):
    assert device_words(agent) == said
