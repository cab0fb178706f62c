"""`manage.py check_connection NAME`: reach a source and say what it can do."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from b2b_orders.common.errors import InvalidInput
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.sources import (
    company_refs,
    connector_for,
    get_connection,
    probe,
    system_of,
)
from erp_bridge.connector import Call, Declares, Purpose
from erp_bridge.errors import BridgeError, ConfigError
from erp_bridge.records import System

SECONDS = 15.0
# Clocks are never quite alike, and a header of whole seconds is a second old.
MAX_SKEW_SECONDS = 60


class Command(BaseCommand):
    help = "Reach a connection's source and say what it can do. Exits 1 with the reason if not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            connection = get_connection(options["name"])
        except InvalidInput as error:
            raise CommandError(error.message) from None
        try:
            health = probe(connection, Call.within(SECONDS, Purpose.INTERACTIVE))
        except (BridgeError, ConfigError) as error:
            raise CommandError(f"{connection.name}: {error}") from None
        if not health.ok:
            raise CommandError(
                f"{connection.name}: does not work: {health.problem}\n"
                f"It was asked at {_address(connection)}. If that or the token is wrong, give the"
                f" right one with manage.py add_connection --kind {connection.kind}"
                f" --name {connection.name};"
                " if not, see that the source runs and can be reached from here."
            )
        self.stdout.write(f"{connection.name}: works ({connection.kind}, {health.account})")
        if health.abilities:
            self.stdout.write(f"  answers: {', '.join(health.abilities)}")
        ahead = health.clock_ahead
        if ahead is not None and abs(ahead) > MAX_SKEW_SECONDS:
            side = "ahead of" if ahead > 0 else "behind"
            self.stdout.write(
                f"  its clock is {abs(ahead):.0f} s {side} ours: set one of them right"
            )
        if system_of(connection) is System.ERP:
            self._say_erp(connection)

    def _say_erp(self, connection: Connection) -> None:
        with connector_for(connection) as connector:
            for line in _abilities(connector.declares()):
                self.stdout.write(f"  {line}")
        count = len(company_refs(connection))
        self.stdout.write(f"  companies with an id there: {count}")
        if not count:
            self.stdout.write(
                "  nothing will be read until a company has one: manage.py add_company"
            )


def _address(connection: Connection) -> str:
    return str(connection.settings.get("endpoint") or connection.settings.get("base_url"))


def _abilities(declares: Declares) -> list[str]:
    lines = [f"finds by: {', '.join(sorted(declares.find)) or 'nothing'}"]
    if declares.find_scans:
        lines.append(f"finds by going through its lists: {', '.join(sorted(declares.find_scans))}")
    lines.append(f"says what changed: {'yes' if declares.changed != 'none' else 'no'}")
    lines.append(f"lists periods: {'yes' if declares.period else 'no'}")
    lines.append(f"documents: {', '.join(sorted(declares.documents)) or 'none'}")
    return lines + list(declares.notes)
