"""Settings of one connection to a VTEX account."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from erp_bridge import readers
from erp_bridge.errors import ConfigError
from erp_bridge.http import Policy, address_problem
from erp_bridge.vtex.events import FROM_ORDERS, FeedConfig, Filter

_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
# Header values: a line break or a space inside a key is a slip of copy and paste.
_KEY = re.compile(r"[!-~]{1,4000}", re.ASCII)
_MAX_EXPRESSION = 2000
_DAY_SECONDS = 86_400


class Place(StrEnum):
    """Where a store keeps its customers' own order numbers."""

    APP = "app"  # customData.customApps: "<app id>/<field name>"
    FIELD = "field"  # customData.customFields: "<field name>"
    ATTACHMENT = "attachment"  # an item's attachment: "<field name>"
    NOTE = "note"  # the text of the checkout's note: a pattern, its first group if it has one


@dataclass(frozen=True, slots=True)
class CustomerNumberRule:
    """One place to look for the customer's own number; the first that has one wins."""

    place: Place
    name: str

    @classmethod
    def parse(cls, text: str) -> CustomerNumberRule:
        """Read a rule such as `field:PO Number`; `ValueError` says what is wrong."""
        place, colon, name = text.partition(":")
        name = name.strip()
        if not colon or not name or place.strip() not in list(Place):
            raise ValueError(f"must begin with one of {', '.join(Place)} and a colon")
        rule = cls(Place(place.strip()), name)
        if rule.place is Place.APP and "/" not in name:
            raise ValueError("must name the app and its field, as app:my-app/poNumber does")
        if rule.place is Place.NOTE:
            try:
                re.compile(name)
            except re.error:
                raise ValueError("its pattern is not a regular expression") from None
        return rule


DEFAULT_CUSTOMER_NUMBERS = (
    CustomerNumberRule(Place.APP, "b2b-checkout-settings/purchaseOrderNumber"),
    CustomerNumberRule(Place.FIELD, "PO Number"),
    CustomerNumberRule(Place.FIELD, "Purchase Order Number"),
)


@dataclass(frozen=True, slots=True)
class VtexConfig:
    """One VTEX account. The key pair never prints."""

    account: str
    base_url: str
    app_key: str = field(repr=False)
    app_token: str = field(repr=False)
    policy: Policy
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/Sao_Paulo"))
    customer_numbers: tuple[CustomerNumberRule, ...] = DEFAULT_CUSTOMER_NUMBERS
    # Believe the organisation in marketingData: only for stores that run the B2B Suite, since
    # elsewhere anybody's link sets it.
    trust_organization: bool = False
    # What the feed should tell of, in JSONata over the order; as narrow as the store allows.
    feed_expression: str = "value >= 0"
    # Tell of an order once, ever: less to read, and what happens to it later comes by lists.
    feed_single_fire: bool = False
    # How long events that we took stay hidden before they come back, and how long any is kept.
    feed_visibility_seconds: int = 300
    feed_retention_days: int = 14
    # Requests at once, for whoever reads many orders.
    concurrency: int = 8

    def __post_init__(self) -> None:
        if not _ACCOUNT.fullmatch(self.account):
            raise ConfigError("account", "must be the account's name, as mystore is")
        if problem := address_problem(self.base_url, self.policy):
            raise ConfigError("base_url", problem)
        parts = urlsplit(self.base_url)
        if parts.path or "?" in self.base_url or "#" in self.base_url:
            raise ConfigError("base_url", "must end after the host")
        for name, what in (("app_key", self.app_key), ("app_token", self.app_token)):
            if not what:
                raise ConfigError(name, "is missing")
            if not _KEY.fullmatch(what):
                raise ConfigError(name, "holds characters that a header cannot carry")
        self._check_feed()
        if not 1 <= self.concurrency <= 32:
            raise ConfigError("concurrency", "must be from 1 to 32")

    def _check_feed(self) -> None:
        if not self.feed_expression:
            raise ConfigError("feed_expression", "is missing")
        if len(self.feed_expression) > _MAX_EXPRESSION or not self.feed_expression.isprintable():
            raise ConfigError("feed_expression", "must be one line of at most 2000 characters")
        # Ten orders must be read meanwhile; VTEX allows twelve hours.
        if not 60 <= self.feed_visibility_seconds <= 43_200:
            raise ConfigError("feed_visibility_seconds", "must be from 60 to 43200")
        if not 4 <= self.feed_retention_days <= 14:
            raise ConfigError("feed_retention_days", "must be from 4 to 14")

    @property
    def event_filter(self) -> Filter:
        """Which changes feed and hook should tell of."""
        return Filter(FROM_ORDERS, self.feed_expression, single_fire=self.feed_single_fire)

    @property
    def feed(self) -> FeedConfig:
        """How the feed should be configured."""
        return FeedConfig(
            self.event_filter,
            self.feed_visibility_seconds,
            self.feed_retention_days * _DAY_SECONDS,
        )

    @classmethod
    def build(cls, settings: Mapping[str, object], secret: str, policy: Policy) -> VtexConfig:
        """Read the settings of a connection; `ConfigError` names the first that is wrong."""
        known = {f.name for f in fields(cls)} - {"app_token", "policy"}
        for name in settings:
            if name not in known:
                raise ConfigError(name, "is not a setting of this kind of connection")
        read = {name: _READERS[name](name, value) for name, value in settings.items()}
        for name in ("account", "app_key"):
            read.setdefault(name, "")
        read.setdefault("base_url", default_base_url(str(read["account"])))
        # Each value was read by the reader of its own field.
        return cls(app_token=secret.strip(), policy=policy, **cast("dict[str, Any]", read))


def default_base_url(account: str) -> str:
    """Build the address at which VTEX serves an account."""
    return f"https://{account}.vtexcommercestable.com.br"


# --- readers of settings -----------------------------------------------------------------


def _rules(name: str, value: object) -> tuple[CustomerNumberRule, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(name, "must be a list")
    try:
        return tuple(CustomerNumberRule.parse(readers.text(name, rule)) for rule in value)
    except ValueError as error:
        raise ConfigError(name, str(error)) from error


_READERS: dict[str, Callable[[str, object], object]] = {
    "account": readers.text,
    "base_url": readers.base_address,
    "app_key": readers.text,
    "time_zone": readers.zone,
    "customer_numbers": _rules,
    "trust_organization": readers.flag,
    "feed_expression": readers.text,
    "feed_single_fire": readers.flag,
    "feed_visibility_seconds": readers.whole_number,
    "feed_retention_days": readers.whole_number,
    "concurrency": readers.whole_number,
}
