"""`manage.py add_connection`: make a connection to a source, or change one."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.common.prompts import ask_secret
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.services import save_connection
from b2b_orders.settings.base import env
from erp_bridge.errors import ConfigError
from erp_bridge.registry import KINDS, get_kind

# Flags that carry a setting of their kind, and the setting's name.
_FLAGS = {
    "base_url": "--base-url",
    "account": "--account",
    "app_key": "--app-key",
    "endpoint": "--endpoint",
    "login": "--login",
}
_SECRET_FLAGS = {"vtex": "--app-token-env"}
_SECRET_FIELDS = {"secret", "token", "app_token"}


class Command(BaseCommand):
    help = (
        "Make a connection to a VTEX account or an ERP, or change the one of that name."
        " The token is asked for, or read from an environment variable; never given as an argument."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--kind", required=True, help=f"one of: {', '.join(sorted(KINDS))}")
        parser.add_argument("--name", required=True, help="the connection's name, used everywhere")
        parser.add_argument("--label", default="", help="what people read, as 'ERP'")
        parser.add_argument("--base-url", help="vtex: where the account answers")
        parser.add_argument("--account", help="vtex: the account's name")
        parser.add_argument("--app-key", help="vtex: the key of the key and token pair")
        parser.add_argument("--app-token-env", metavar="VAR", help="vtex: variable with the token")
        parser.add_argument("--endpoint", help="b2b_orders_v1: the old app's 'link endpoint'")
        parser.add_argument("--login", help="b2b_orders_v1: the old app's 'login'; kept, not sent")
        parser.add_argument(
            "--token-env", metavar="VAR", help="b2b_orders_v1: variable with the token"
        )
        parser.add_argument(
            "--setting",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="a further setting; a value that is JSON is read as such; can be repeated",
        )
        parser.add_argument("--disable", action="store_true", help="keep it, but do not use it")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            kind = get_kind(options["kind"])
        except ConfigError as error:
            raise CommandError(f"--kind: {error.message}") from None
        existing = Connection.objects.filter(name=options["name"]).first()
        settings = dict(existing.settings) if existing and existing.kind == options["kind"] else {}
        settings |= _reading(settings)
        settings |= {n: options[n] for n in _FLAGS if options[n] is not None}
        settings |= dict(_parse(pair) for pair in options["setting"])
        secret = self._secret(options, kind.secret.replace("_", " "), has_one=existing is not None)
        try:
            row = save_connection(
                kind=options["kind"],
                name=options["name"],
                settings=settings,
                secret=secret,
                now=clock.now(),
                label=options["label"],
                is_enabled=not options["disable"],
            )
        except InvalidInput as error:
            raise CommandError(
                f"{_flag_of(options['kind'], error.field)}: {error.message}"
            ) from None
        done = "changed" if existing else "made"
        self.stdout.write(f"Connection {row.name} ({row.kind}) {done}.")
        self.stdout.write(f"Try it with: manage.py check_connection {row.name}")

    def _secret(self, options: dict[str, Any], what: str, *, has_one: bool) -> str | None:
        for flag in ("app_token_env", "token_env"):
            if variable := options[flag]:
                value = env.str(variable, default="").strip()
                if not value:
                    name = "--" + flag.replace("_", "-")
                    raise CommandError(f"{name}: the variable {variable} is not set or empty")
                return str(value)
        keep = " (Enter keeps the present one)" if has_one else ""
        typed = ask_secret(f"The {what} of {options['name']}{keep}: ")
        if not typed.strip() and not has_one:
            flag = _SECRET_FLAGS.get(options["kind"], "--token-env")
            raise CommandError(f"The {what} is missing: type it when asked, or give {flag} VAR")
        return typed.strip() or None


def _reading(settings: dict[str, object]) -> dict[str, object]:
    """Bring what ingest keeps apart back among the settings, so that it stays."""
    kept = settings.pop("reading", {})
    return dict(kept) if isinstance(kept, dict) else {}


def _parse(pair: str) -> tuple[str, object]:
    name, equals, value = pair.partition("=")
    if not equals or not name.strip():
        raise CommandError(f"--setting: {pair!r} is not of the form KEY=VALUE")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def _flag_of(kind: str, field: str) -> str:
    if field in _SECRET_FIELDS:
        return _SECRET_FLAGS.get(kind, "--token-env")
    if field in {"name", "kind"}:
        return f"--{field}"
    return _FLAGS.get(field, f"--setting {field}")
