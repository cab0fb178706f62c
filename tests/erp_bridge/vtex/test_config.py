from __future__ import annotations

import pytest

from erp_bridge.errors import ConfigError
from erp_bridge.http import Policy
from erp_bridge.vtex.config import CustomerNumberRule, Place, VtexConfig
from tests.erp_bridge.vtex.orders import SETTINGS, TOKEN, config


def test_the_address_follows_from_the_account():
    settings = {"account": "demostore", "app_key": "k"}

    built = VtexConfig.build(settings, "t", Policy())

    assert built.base_url == "https://demostore.vtexcommercestable.com.br"


def test_the_key_pair_never_prints():
    shown = repr(config())

    assert TOKEN not in shown
    assert "ABCDEF" not in shown


def test_a_slash_at_the_end_and_blanks_around_the_token_do_not_matter():
    settings = SETTINGS | {"base_url": "https://demostore.example/"}

    built = VtexConfig.build(settings, " token\n", Policy())

    assert (built.base_url, built.app_token) == ("https://demostore.example", "token")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account", ""),
        ("account", "My Store"),
        ("account", "store.example"),
        ("account", 7),
        ("base_url", ""),
        ("base_url", "http://demostore.example"),
        ("base_url", "https://demostore.example/api"),
        ("base_url", "https://demostore.example?an=x"),
        ("base_url", "https://10.0.0.1"),
        ("base_url", "https://u:p@demostore.example"),
        ("app_key", ""),
        ("app_key", "two words"),
        ("app_key", "clé"),
        ("time_zone", "Brasilia"),
        ("time_zone", ".."),
        ("trust_organization", "yes"),
        ("feed_expression", ""),
        ("concurrency", 0),
        ("concurrency", True),
        ("concurrency", "four"),
        ("customer_numbers", "field:x"),
        ("customer_numbers", ["PO Number"]),
        ("customer_numbers", ["nowhere:x"]),
        ("customer_numbers", ["field:"]),
        ("customer_numbers", ["app:without-field"]),
        ("customer_numbers", ["note:("]),
        ("customer_numbers", [7]),
        ("feed_expression", " "),
        ("feed_expression", "a\nb"),
        ("feed_expression", "x" * 2001),
        ("feed_single_fire", "true"),
        ("feed_visibility_seconds", 59),
        ("feed_visibility_seconds", 43201),
        ("feed_retention_days", 3),
        ("feed_retention_days", 15),
        ("unknown", "x"),
        ("app_token", "x"),
    ],
)
def test_a_wrong_setting_is_named(field, value):
    with pytest.raises(ConfigError) as caught:
        config(**{field: value})

    assert caught.value.field == field


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak"])
def test_a_wrong_token_is_named_and_not_shown(token):
    with pytest.raises(ConfigError) as caught:
        VtexConfig.build(SETTINGS, token, Policy())

    assert caught.value.field == "app_token"
    assert not token or token not in str(caught.value)


def test_rules_are_read_from_text():
    built = config(customer_numbers=["app: my-app/po", "note:PC-(\\d+)"])

    assert built.customer_numbers == (
        CustomerNumberRule(Place.APP, "my-app/po"),
        CustomerNumberRule(Place.NOTE, "PC-(\\d+)"),
    )
