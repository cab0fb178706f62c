"""Imports of companies: a list is read and judged line by line, shown, and then taken over.

Rows are the state. A list that was being read is read anew; one that is being applied goes on
with the lines that are not applied yet. Each line is judged again in the transaction that
applies it, so that what has become a conflict meanwhile is never applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction

from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import Conflict, InvalidInput
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import (
    Company,
    CompanyImport,
    CustomerId,
    Establishment,
    ImportLine,
    ImportSource,
    ImportState,
    StaffRole,
    Team,
)
from b2b_orders.companies.services import add_customer_id, add_establishment, create_company
from b2b_orders.documents.rules import normalise_type
from b2b_orders.ingest import map_conflicts
from b2b_orders.ingest.company_lists import MAX_LINES, Line, read_csv, read_names
from b2b_orders.ingest.errand_map import check_id
from b2b_orders.ingest.map_conflicts import Claim
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.sources import connector_for, masterdata_for, system_of
from b2b_orders.orders.services import attach_waiting
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BadRequest
from erp_bridge.runner import GuardedConnector
from erp_bridge.vtex.masterdata import Firm, MasterData

NEW, SAME, ADDS, CONFLICT, ERROR = "new", "same", "adds", "conflict", "error"
_BATCH = 500
# A source has so long for all of its list.
READ_SECONDS = 240.0


@dataclass(slots=True)
class _Judged:
    """What a line would do: to which company, or why it may not."""

    verdict: str
    company_id: int | None = None
    problem: str = ""


class Judge:
    """Says of each line what it would do, by the map as it is and the lines before it."""

    def __init__(self, *, is_typed: bool) -> None:
        # In a list that a person typed, lines of one name are one company.
        self._is_typed = is_typed
        self._known = dict(Company.objects.values_list("pk", "name"))
        self._names = {name.casefold() for name in self._known.values()}
        self._taken: dict[str, str] = {}
        self._teams = {name.casefold() for name in Team.objects.values_list("name", flat=True)}
        self._systems = {
            each.name: system_of(each) for each in Connection.objects.only("name", "kind")
        }

    def verdict(
        self, line: Line, houses: dict[str, int], ids: dict[tuple[str, str], int]
    ) -> _Judged:
        """Judge a line by who has its tax ids and ids now."""
        problem = line.problem or self._wrong_id(line)
        if not problem and line.team and line.team.casefold() not in self._teams:
            problem, line.detail = "team-wrong", line.team[:40]
        if problem:
            return _Judged(ERROR, problem=problem)
        if twice := self._twice(line):
            line.detail = twice
            return _Judged(CONFLICT, problem="twice-in-list")
        held = {houses[each] for each in line.tax_ids if each in houses}
        held |= {ids[pair] for pair in map(_plain, line.ids) if pair in ids}
        if len(held) > 1:
            return _Judged(CONFLICT, problem="two-companies-claim")
        if not held and self._is_typed and line.name.casefold() in self._names:
            # Another firm of the name, or a new branch: only a person knows.
            return _Judged(CONFLICT, problem="name-taken")
        if not held:
            return _Judged(NEW)
        company_id = held.pop()
        is_same = all(each in houses for each in line.tax_ids)
        is_same = is_same and all(pair in ids for pair in map(_plain, line.ids))
        return self._extends(line, company_id, is_same=is_same)

    def _extends(self, line: Line, company_id: int, *, is_same: bool) -> _Judged:
        """Say which company a line is about, when it calls it otherwise than we do."""
        holder, name = self._known.get(company_id, ""), line.name.casefold()
        if holder.casefold() != name:
            line.detail = holder
            if self._is_typed and name in self._names and not is_same:
                # One wrong digit, and a company would be given another one's orders.
                return _Judged(CONFLICT, problem="name-of-another")
        return _Judged(SAME if is_same else ADDS, company_id=company_id)

    def _wrong_id(self, line: Line) -> str:
        for connection, value in line.ids:
            try:
                check_id(self._systems.get(connection), value)
            except InvalidInput as error:
                line.detail = line.detail or f"{connection}={value}"[:40]
                return error.message
        return ""

    def _twice(self, line: Line) -> str:
        """Name what an earlier line gave to a company of another name."""
        keys = [*line.tax_ids, *(f"{c}={v}" for c, v in map(_plain, line.ids))]
        name = line.name.casefold()
        for key in keys:
            if self._taken.setdefault(key, name) != name:
                return key
        return ""


def _plain(pair: tuple[str, str]) -> tuple[str, str]:
    connection, value = pair
    if value.isascii() and value.isdigit():
        return connection, value.lstrip("0") or "0"
    return connection, value


# --- reading ---------------------------------------------------------------------------------


def read_import(*, row: CompanyImport, clock: Callable[[], datetime]) -> dict[str, int]:
    """Read a list into lines with their verdicts; count them by verdict. Done twice, it is one."""
    lines = _lines_of(row)
    judge = Judge(is_typed=row.source == ImportSource.CSV)
    counts = dict.fromkeys((NEW, SAME, ADDS, CONFLICT, ERROR), 0)
    with transaction.atomic():
        CompanyImport.objects.select_for_update().get(pk=row.pk)
        row.lines.all().delete()
        while batch := list(islice(lines, _BATCH)):
            houses, ids = holders(batch)
            rows = []
            for line in batch:
                judged = judge.verdict(line, houses, ids)
                counts[judged.verdict] += 1
                rows.append(
                    ImportLine(
                        company_import=row,
                        number=line.number,
                        values=line.as_json() | {"company": judged.company_id},
                        verdict=judged.verdict,
                        problem=judged.problem,
                    )
                )
                if judged.verdict == CONFLICT and judged.problem == "two-companies-claim":
                    _note(row, line, houses, ids, clock())
            ImportLine.objects.bulk_create(rows)
        CompanyImport.objects.filter(pk=row.pk).update(
            state=ImportState.READ, finished_at=clock(), content=""
        )
    return counts


def holders(
    lines: Sequence[Line],
) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """Find which companies have the tax ids and ids of some lines."""
    tax_ids = {each for line in lines for each in line.tax_ids}
    found = Establishment.objects.filter(tax_id__in=tax_ids)
    houses = dict(found.values_list("tax_id", "company_id"))
    wanted = {_plain(pair) for line in lines for pair in line.ids}
    ids = {}
    rows = CustomerId.objects.filter(connection__in={connection for connection, _ in wanted})
    for connection, value, company_id in rows.values_list("connection", "value", "company_id"):
        if (plain := _plain((connection, value))) in wanted:
            ids[plain] = company_id
    return houses, ids


def _note(
    row: CompanyImport,
    line: Line,
    houses: dict[str, int],
    ids: dict[tuple[str, str], int],
    now: datetime,
) -> None:
    """List that a line joins what our map has in two companies."""
    held = {houses[each] for each in line.tax_ids if each in houses}
    held |= {ids[pair] for pair in map(_plain, line.ids) if pair in ids}
    companies = Company.objects.in_bulk(held)
    names = [*line.tax_ids, *(f"{c}={v}" for c, v in line.ids)]
    claims = [map_conflicts.ours(companies[pk]) for pk in sorted(held)]
    claims.append(Claim(row.connection or row.source, "", line.name, now))
    organisation = next((v for _, v in line.ids if v.startswith("organization:")), "")
    map_conflicts.note(
        kind=map_conflicts.ORGANISATION,
        value=organisation or " ".join(names)[:120],
        source=row.connection or row.source,
        claims=claims,
        now=now,
    )


def _lines_of(row: CompanyImport) -> Iterator[Line]:
    if row.source == ImportSource.CSV:
        return read_csv(row.content)
    connection = Connection.objects.filter(name=row.connection).first()
    if connection is None:
        raise InvalidInput("connection", "connection-missing")
    call = Call.within(READ_SECONDS, Purpose.BACKFILL)
    if row.source == ImportSource.ERP:
        with connector_for(connection) as connector:
            if not isinstance(connector, GuardedConnector) or not connector.declares().companies:
                raise InvalidInput("connection", "cannot-list-companies")
            return iter(_of_erp(connection.name, connector, call))
    with masterdata_for(connection) as source:
        return iter(_of_shop(connection.name, source, call))


def _of_erp(name: str, connector: GuardedConnector, call: Call) -> list[Line]:
    lines: list[Line] = []
    for page in connector.companies(call):
        for each in page:
            line = Line(len(lines) + 1, each.name[:150])
            line.ids = tuple((name, value) for value in each.customer_ids)
            _take(line, each.tax_ids)
            lines.append(line)
    return _within(lines)


def _of_shop(name: str, source: MasterData, call: Call) -> list[Line]:
    """Make lines of a shop's firms: those of an organisation are one, all others one each.

    What shoppers wrote is only ever proposed: the old app's company number becomes part of a
    line that a person has to confirm, see `Line.unconfirmed`.
    """
    lines: list[Line] = []
    known: set[str] = set()
    for each in source.organisations(call):
        line = Line(len(lines) + 1, each.name)
        line.ids = (
            (name, f"organization:{each.id}"),
            *((name, f"cost_center:{centre}") for centre, _ in each.cost_centres),
        )
        _take(line, [tax_id for _, tax_id in each.cost_centres if tax_id])
        known.update(line.tax_ids)
        lines.append(line)
    for tax_id, firms in sorted(_firms(source, call).items()):
        old = sorted({firm.old_company_id for firm in firms} - {""})
        pairs = tuple((name, f"company_id:{each}") for each in old)
        if tax_id in known:
            _confirm(lines, tax_id, pairs)
            continue
        line = Line(len(lines) + 1, firms[0].name, unconfirmed=pairs)
        _take(line, [tax_id])
        lines.append(line)
    return _within(lines)


def _firms(source: MasterData, call: Call) -> dict[str, list[Firm]]:
    try:
        pages = list(source.firms(call, with_old_company=True))
    except BadRequest:
        # The field of the old app was never made here.
        pages = list(source.firms(call))
    found: dict[str, list[Firm]] = {}
    for page in pages:
        for firm in page.firms:
            found.setdefault(firm.tax_id, []).append(firm)
    return found


def _confirm(lines: Iterable[Line], tax_id: str, pairs: tuple[tuple[str, str], ...]) -> None:
    for line in lines:
        if tax_id in line.tax_ids:
            line.unconfirmed = tuple(sorted({*line.unconfirmed, *pairs}))


def _take(line: Line, tax_ids: Sequence[str]) -> None:
    read_names(line, list(tax_ids))
    if not line.name:
        line.problem = line.problem or "company-name-missing"
    if not line.problem and not line.tax_ids and not line.ids:
        line.problem = "nothing-to-know-it-by"


def _within(lines: list[Line]) -> list[Line]:
    if len(lines) > MAX_LINES:
        raise InvalidInput("file", "too-many-lines")
    return lines


# --- taking over -------------------------------------------------------------------------------


def apply_some(*, row: CompanyImport, person_id: int | None, now: datetime, limit: int = 50) -> int:
    """Take over some lines that make or extend a company; say how many are left."""
    lines = row.lines.filter(applied_at=None, verdict__in=(NEW, ADDS)).order_by("number")
    for each in lines[:limit]:
        _apply(row, each, person_id, now)
    return lines.count()


def _apply(row: CompanyImport, each: ImportLine, person_id: int | None, now: datetime) -> None:
    line = line_of(each)
    try:
        with transaction.atomic():
            company = _put(row, line, each.values.get("company"))
            ImportLine.objects.filter(pk=each.pk).update(applied_at=now)
            record(
                Action.COMPANIES_IMPORTED,
                actor=Actor(person_id=person_id, staff_role=StaffRole.OPERATIONS),
                company_id=company.pk,
                object_kind="import",
                object_id=str(row.public_id),
                detail={"line": each.number, "tax_ids": list(line.tax_ids)[:20]},
                now=now,
            )
    except _OtherCompany:
        ImportLine.objects.filter(pk=each.pk).update(verdict=CONFLICT, problem="moved-meanwhile")
    except Conflict:
        # It was free when the list was read.
        houses, ids = holders([line])
        _note(row, line, houses, ids, now)
        ImportLine.objects.filter(pk=each.pk).update(
            verdict=CONFLICT, problem="two-companies-claim"
        )
    except InvalidInput:
        ImportLine.objects.filter(pk=each.pk).update(verdict=ERROR, problem="cannot-apply")
    else:
        attach_waiting(company_id=company.pk, now=now)


def line_of(each: ImportLine) -> Line:
    """Read a line back from its row."""
    told: dict[str, Any] = each.values
    return Line(
        number=each.number,
        name=told["name"],
        tax_ids=tuple(told["tax_ids"]),
        countries=told["countries"],
        ids=tuple((connection, value) for connection, value in told["ids"]),
        customer_type=told["customer_type"],
        team=told["team"],
        detail=told["detail"],
        unconfirmed=tuple((connection, value) for connection, value in told["unconfirmed"]),
    )


class _OtherCompany(Conflict):
    """A line would extend another company than it was shown to."""


def _put(row: CompanyImport, line: Line, shown: int | None) -> Company:
    """Extend the company that has something of the line, else make one.

    `shown` is the company that it was shown to extend; None when it was to make one.
    """
    houses, ids = holders([line])
    held = {*houses.values(), *ids.values()}
    if len(held) > 1:
        raise Conflict("two companies claim it")
    if held:
        company = Company.objects.select_for_update().get(pk=held.pop())
        if company.merged_into_id is not None:
            raise Conflict("it was merged into another company")
        if company.pk != shown and not (shown is None and _is_of(company, row, line)):
            raise _OtherCompany("it belongs to another company by now")
    elif shown is not None:
        raise _OtherCompany("what it was known by is gone")
    else:
        company = _made_before(row, line) or create_company(
            name=_free_name(line), customer_type=normalise_type(line.customer_type)
        )
    for tax_id in line.tax_ids:
        country = line.countries.get(tax_id, "")
        written = f"{country}:{tax_id}" if country else tax_id
        add_establishment(company_id=company.pk, tax_id=written)
    for connection, value in line.ids:
        if _plain((connection, value)) not in ids:
            add_customer_id(company_id=company.pk, connection=connection, value=value)
    if line.team and company.team_id is None:
        company.team = Team.objects.filter(name__iexact=line.team).first()
        company.save(update_fields=["team"])
    return company


def _is_of(company: Company, row: CompanyImport, line: Line) -> bool:
    """Say whether a company was made by an earlier line of the same list and name."""
    name = company.name.casefold()
    return company.created_at >= row.asked_at and name.startswith(line.name[:120].casefold())


def _made_before(row: CompanyImport, line: Line) -> Company | None:
    """Find the company that an earlier line of a typed list made under this name."""
    if row.source != ImportSource.CSV:
        return None
    made = Company.objects.filter(name__iexact=line.name, created_at__gte=row.asked_at)
    return made.select_for_update().first()


def _free_name(line: Line) -> str:
    """Tell a company from one of the same name by what is its own."""
    if not Company.objects.filter(name__iexact=line.name).exists():
        return line.name
    own = line.tax_ids[0] if line.tax_ids else line.ids[0][1]
    return f"{line.name[:120]} ({own})"


def forget_old_lines(*, before: datetime) -> int:
    """Forget the lines of lists that nobody took over, or that are long taken over."""
    return ImportLine.objects.filter(company_import__asked_at__lt=before).delete()[0]
