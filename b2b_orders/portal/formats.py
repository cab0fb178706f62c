"""How dates, moments, amounts and numbers are written in the active language.

Plain dates have no time zone and are never converted; moments are shown in the zone that
the person chose, else in the installation's. Everything here answers text: templates only
print it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_datetime, get_timezone_gmt, get_timezone_location
from babel.numbers import format_decimal, get_decimal_symbol, get_group_symbol
from django.utils import timezone
from django.utils.translation import get_language

from erp_bridge.identifiers import valid_cpf
from erp_bridge.records import Money

# Spanish is neutral Latin American: dots for thousands, a comma for decimals.
_LOCALES = {"pt-br": "pt_BR", "es": "es_AR", "en": "en_US"}
NBSP = "\u00a0"
# A day is never broken over two lines.
_DAY = {"pt-br": "dd/MM/yyyy", "es": "dd/MM/yyyy", "en": f"d{NBSP}MMM{NBSP}yyyy"}
_DAY_SHORT = {"pt-br": "dd/MM", "es": "dd/MM", "en": f"d{NBSP}MMM"}
_SYMBOLS = {"BRL": "R$", "USD": "US$", "EUR": "€"}
# Not Django's active zone: by that one the days of the seller's business are counted, and
# what is due today must not depend on where somebody sits.
_zone: ContextVar[tzinfo | None] = ContextVar("person_zone", default=None)


def language() -> str:
    """Return the active language as one of ours."""
    active = get_language() or "pt-br"
    return active if active in _LOCALES else "pt-br"


@lru_cache(maxsize=8)
def _locale(code: str) -> Locale:
    return Locale.parse(_LOCALES[code])


@lru_cache(maxsize=8)
def _separators(code: str) -> dict[int, str]:
    """Build what turns Python's separators into a language's."""
    locale = _locale(code)
    return str.maketrans({",": get_group_symbol(locale), ".": get_decimal_symbol(locale)})


# A page writes the same few days over and over, and Babel reads its pattern anew each time.
@lru_cache(maxsize=4096)
def _written(value: date, pattern: str, code: str) -> str:
    return format_date(value, pattern, locale=_locale(code))


def day(value: date | None) -> str:
    """Write a plain date."""
    if value is None:
        return ""
    code = language()
    return _written(value, _DAY[code], code)


def long_day(value: date) -> str:
    """Write a plain date with its weekday, as a heading of a day."""
    code = language()
    return format_date(value, f"EEEE, {_DAY[code]}", locale=_locale(code))


def month(value: date | None) -> str:
    """Write a month: 01/2019, Jan 2019."""
    if value is None:
        return ""
    code = language()
    return format_date(value, "MMM yyyy" if code == "en" else "MM/yyyy", locale=_locale(code))


def long_month(value: date) -> str:
    """Write a month in words, as the heading of a calendar."""
    written = format_date(value, "LLLL yyyy", locale=locale())
    return written[:1].upper() + written[1:]


def locale() -> Locale:
    """Return what is known of the active language."""
    return _locale(language())


@contextmanager
def in_zone(name: str) -> Iterator[None]:
    """Show moments in a zone within the block; in the installation's if there is none so named."""
    token = _zone.set(zone_named(name))
    try:
        yield
    finally:
        _zone.reset(token)


def zone_named(name: str) -> tzinfo | None:
    """Find a time zone; None for no name, or one that this machine does not know."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_text(name: str, now: datetime) -> str:
    """Name a zone by its city, with what it is from Greenwich today."""
    zone = zone_named(name)
    if zone is None:
        return name
    city = get_timezone_location(zone, locale=locale(), return_city=True)
    return f"{city} ({get_timezone_gmt(now.astimezone(zone), locale=locale())})"


def local(value: datetime) -> datetime:
    """Turn a moment into the person's time zone."""
    return timezone.localtime(value, _zone.get())


def today(now: datetime) -> date:
    """Return the day by which due dates and promises are measured, wherever the person is."""
    return timezone.localdate(now)


def clock(value: datetime) -> str:
    """Write a moment's time of day."""
    return local(value).strftime("%H:%M")


def moment(value: datetime | None, now: datetime) -> str:
    """Write a moment as short as it stays clear: 10:42 today, else with its day."""
    if value is None:
        return ""
    there, here = local(value), local(now)
    if there.date() == here.date():
        return there.strftime("%H:%M")
    code = language()
    pattern = _DAY_SHORT[code] if there.year == here.year else _DAY[code]
    return f"{_written(there.date(), pattern, code)}{NBSP}{there:%H:%M}"


def full_moment(value: datetime | None) -> str:
    """Write a moment with its zone, for hover and for the record."""
    if value is None:
        return ""
    code = language()
    return format_datetime(local(value), f"{_DAY[code]} HH:mm:ss 'GMT'ZZZ", locale=_locale(code))


def iso(value: date | datetime | None) -> str:
    """Write it for machines (`<time datetime>`)."""
    return value.isoformat() if value is not None else ""


def amount(value: Decimal | None, currency: str = "BRL") -> str:
    """Write an amount with its currency; nothing for an amount that is not known."""
    if value is None:
        return ""
    # What Babel writes for "#,##0.00" in all our languages, in less than half the time.
    digits = f"{abs(value):,.2f}".translate(_separators(language()))
    sign = "\u2212" if value < 0 else ""
    return f"{sign}{_SYMBOLS.get(currency, currency)}{NBSP}{digits}"


def money(value: Money | None) -> str:
    """Write money."""
    return amount(value.amount, value.currency) if value is not None else ""


def unit_price(value: Decimal | None, currency: str) -> str:
    """Write a unit price: two decimals, more only where the source has them."""
    if value is None:
        return ""
    digits = format_decimal(value, "#,##0.00####", locale=_locale(language()))
    return f"{_SYMBOLS.get(currency, currency)}{NBSP}{digits}"


def quantity(value: Decimal | None) -> str:
    """Write a quantity without needless zeros."""
    if value is None:
        return ""
    return format_decimal(value, "#,##0.####", locale=_locale(language()))


def count(value: int) -> str:
    """Write how many there are."""
    return f"{value:,}".translate(_separators(language()))


def bounded(value: int, most: int) -> str:
    """Write how many there are, or that there are more than were counted."""
    return count(value) if value <= most else f">{NBSP}{count(most)}"


def percent(value: float) -> str:
    """Write a share: 0 %, 0.4 %, 12 %."""
    pattern = "#,##0.#" if 0 < value < 0.1 else "#,##0"
    return f"{format_decimal(value * 100, pattern, locale=_locale(language()))}{NBSP}%"


def duration(seconds: float) -> str:
    """Write a length of time in its two largest units, alike in all our languages."""
    whole = max(0, round(seconds))
    for unit, length, smaller, part in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= length:
            rest = whole % length // part
            text = f"{whole // length}{NBSP}{unit}"
            return f"{text}{NBSP}{rest}{NBSP}{smaller}" if rest and whole < 10 * length else text
    return f"{whole}{NBSP}s"


def size(value: int | None) -> str:
    """Write a file's size."""
    if value is None:
        return ""
    locale = _locale(language())
    if value < 1000:
        return f"{value}{NBSP}B"
    if value < 1_000_000:
        return f"{format_decimal(value / 1000, '#,##0', locale=locale)}{NBSP}kB"
    return f"{format_decimal(value / 1_000_000, '#,##0.0', locale=locale)}{NBSP}MB"


def tax_id(value: str) -> str:
    """Write a CNPJ or CPF with its usual signs; anything else as it is."""
    if len(value) == 14:
        return f"{value[:2]}.{value[2:5]}.{value[5:8]}/{value[8:12]}-{value[12:]}"
    # Eleven digits are a CPF, or another country's id.
    if len(value) == 11 and valid_cpf(value):
        return f"{value[:3]}.{value[3:6]}.{value[6:9]}-{value[9:]}"
    return value


def tax_id_ending(value: str) -> str:
    """Write the end of a CNPJ, enough to tell branches apart: …0001-95."""
    return f"…{value[8:12]}-{value[12:]}" if len(value) == 14 else f"…{value[-4:]}"


def postal_code(value: str) -> str:
    """Write a CEP with its hyphen, whichever source it is from; anything else as it is."""
    return f"{value[:5]}-{value[5:]}" if len(value) == 8 and value.isdecimal() else value


def grouped(value: str, by: int = 4) -> str:
    """Write a long key in groups, so that it can be read out."""
    return " ".join(value[at : at + by] for at in range(0, len(value), by))
