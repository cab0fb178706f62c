"""The connector: numbers to orders, with what to do where a gateway implements less."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Final

from erp_bridge.connector import (
    INTERFACE,
    Call,
    CompanyRef,
    Declares,
    DocumentStream,
    Health,
    Page,
)
from erp_bridge.connectors.b2b_orders_v1.client import OK, B2BOrdersV1Client, has_json
from erp_bridge.connectors.b2b_orders_v1.config import B2BOrdersV1Config
from erp_bridge.connectors.b2b_orders_v1.documents import Entry, map_documents
from erp_bridge.connectors.b2b_orders_v1.mapping import (
    customer_numbers,
    map_details,
    map_row,
    order_id,
)
from erp_bridge.connectors.b2b_orders_v1.payloads import Fields, as_text, to_payload
from erp_bridge.errors import (
    BadRequest,
    ContractViolation,
    CredentialsRejected,
    NotFound,
    SourceFailing,
    Unsupported,
    WrongOwner,
)
from erp_bridge.records import DocumentKind, DocumentRecord, NumberKind, Reading

# `tipo` of a search by code.
CODES: Final = {NumberKind.WEB: 0, NumberKind.CUSTOMER: 1, NumberKind.ERP: 2}
FINDABLE: Final = frozenset({*CODES, NumberKind.INVOICE})
# The old client never sent these searches, so a gateway may not have them.
LACKING: Final = frozenset({400, 404, 405, 500, 501})
SURE_LACKING: Final = frozenset({405, 501})
# Other refusals may be a bad moment: so many in a row mean that the search is not there.
REFUSALS: Final = 3
# As much a refusal as one that is not JSON, and not even that if it was a bad moment.
FAILED: Final = -1
# More rows than this for one number: the gateway ignores the number.
MOST_ROWS: Final = 50
FEW_ROWS: Final = 3
REMEMBERED_ROWS: Final = 5000


def _now() -> datetime:
    return datetime.now(UTC)


class B2BOrdersV1:
    """A connection to one gateway that speaks the old app's contract.

    `learned` is what was found out about the gateway: the spelling of its paths and the
    searches that it lacks. The owner hands in what it kept and reads it back.
    """

    name: ClassVar[str] = "b2b_orders_v1"
    interface: ClassVar[int] = INTERFACE

    def __init__(
        self,
        source: str,
        config: B2BOrdersV1Config,
        learned: Mapping[str, object] | None = None,
        *,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.source = source
        self.config = config
        self.learned: MutableMapping[str, object] = dict(learned or {})
        self._client = B2BOrdersV1Client(source, config, self.learned)
        self._clock = clock
        # Details lack the customer's own number; a row read before them has it.
        self._own_numbers: OrderedDict[tuple[str, str], str] = OrderedDict()

    def __repr__(self) -> str:
        return f"B2BOrdersV1({self.source!r})"

    def declares(self) -> Declares:
        """Say what this gateway can do, with what was learned of it."""
        scans = {
            kind
            for kind, search in (
                (NumberKind.CUSTOMER, "porCodigo"),
                (NumberKind.INVOICE, "porNotaFiscal"),
            )
            if self._lacks(search)
        }
        return Declares(
            find=FINDABLE - scans,
            find_scans=frozenset(scans),
            changed="second" if self.config.changed_since else "none",
            period=True,
            documents=frozenset(DocumentKind),
            max_window_days=self.config.window_days,
            concurrency=self.config.concurrency,
            time_zone=self.config.time_zone.key,
            notes=tuple(
                f"{search} is not implemented: "
                + (
                    f"looked for in the last {self.config.scan_days} days"
                    if search == "porNotaFiscal"
                    else "web and ERP numbers by details, the customer's own in the last "
                    f"{self.config.scan_days} days"
                )
                for search in ("porCodigo", "porNotaFiscal")
                if self._lacks(search)
            ),
        )

    def health(self, call: Call) -> Health:
        """Ask for an order that nobody has, and say whether the contract is spoken there."""
        probe = self.config.probe_customer_id or "0"
        answer = self._client.probe(probe, call)
        if answer.status == 403:
            message = "refuses the token"
            if not self.config.probe_customer_id:
                message += ", or customer 0: set probe_customer_id to a customer it knows"
            raise CredentialsRejected(
                message, source=self.source, operation="health", status=answer.status
            )
        if answer.status in OK and answer.status != 204 and answer.content.strip():
            answer.json()
        if answer.status in {404, 405} and not has_json(answer) and not self._has_answered():
            return Health(ok=False, problem=f"nobody answers at its address ({answer.status})")
        return Health(
            ok=True,
            account=self.config.endpoint.split("//", 1)[-1].split("/", 1)[0],
            version="b2b_orders_v1",
            abilities=(
                *("find", "period", "order", "documents"),
                *(("changed",) if self._answers_changes(call) else ()),
            ),
            clock_ahead=(answer.date - self._clock()).total_seconds() if answer.date else None,
        )

    def _answers_changes(self, call: Call) -> bool:
        """Try the search for what changed, where a setting says that there is one."""
        if not self.config.changed_since:
            return False
        try:
            next(self.changed(None, "", self._clock(), call))
        except Unsupported:
            return False
        return True

    def find(self, company: CompanyRef, kind: NumberKind, value: str, call: Call) -> list[Reading]:
        """Find the company's orders by a number: rows, or whole orders where details answered."""
        if kind not in FINDABLE:
            raise Unsupported(f"does not find by {kind}", source=self.source, operation="find")
        readings: dict[str, Reading] = {}
        for customer_id in _customer_ids(company):
            for reading in self._find(company, customer_id, kind, value.strip(), call):
                readings.setdefault(reading.record.external_id, reading)
        return list(readings.values())

    def period(self, company: CompanyRef, first: date, last: date, call: Call) -> Iterator[Page]:
        """List the orders placed from `first` to `last`; a page is a customer id and a window."""
        for customer_id in _customer_ids(company):
            for start, end in _windows(first, last, self.config.window_days):
                rows = self._rows_of_period(customer_id, start, end, call)
                readings, problems = self._read_rows(company, customer_id, rows)
                yield Page(
                    readings=tuple(readings),
                    cursor=end.isoformat(),
                    caught_up=end == last,
                    problems=tuple(problems),
                )

    def changed(
        self, company: CompanyRef | None, cursor: str, since: datetime, call: Call
    ) -> Iterator[Page]:
        """List what changed in all customers' orders, or what of it is one company's."""
        if not self.config.changed_since:
            raise Unsupported("has no changed-since", source=self.source, operation="changed")
        if company is not None and not _customer_ids(company):
            return
        moment = since.astimezone(self.config.time_zone).isoformat(timespec="seconds")
        while True:
            rows, cursor, answer = self._client.search_changed(moment, cursor, call)
            readings, problems = self._read_changes(company, rows)
            yield Page(
                readings=tuple(readings),
                cursor=cursor,
                caught_up=not cursor,
                problems=tuple(problems),
                as_of=answer.date,
            )
            if not cursor:
                return

    def order(self, company: CompanyRef, external_id: str, call: Call) -> Reading:
        """Read details and documents as one order."""
        customer_id, details = self._details_of(company, external_id, call)
        listing = self._client.documents(customer_id, external_id, call)
        entries = self._entries(listing, company, external_id)
        return self._read_details(
            company,
            customer_id,
            details,
            files=entries,
            listing=listing,
        )

    def documents(self, company: CompanyRef, external_id: str, call: Call) -> list[DocumentRecord]:
        """List the files of one order; empty when the ERP serves none."""
        return [entry.record for entry in self._find_entries(company, external_id, call)]

    def open_document(
        self, company: CompanyRef, external_id: str, document_key: str, call: Call
    ) -> AbstractContextManager[DocumentStream]:
        """Open a file by a list read just now: links expire."""
        for entry in self._find_entries(company, external_id, call):
            if entry.record.key == document_key:
                if entry.body:
                    return self._client.inline(entry.body)
                return self._client.open(entry.url, call)
        raise NotFound("no longer lists this file", source=self.source, operation="file")

    def close(self) -> None:
        """Give back sockets."""
        self._client.close()

    # --- finding ----------------------------------------------------------------

    def _find(
        self, company: CompanyRef, customer_id: str, kind: NumberKind, value: str, call: Call
    ) -> list[Reading]:
        if not value:
            return []
        search, criterion = _criterion(kind, value)
        refused: int | None = None
        if not self._lacks(search):
            rows = self._rows_of_number(search, customer_id, criterion, call)
            if not isinstance(rows, int):
                matching = self._matching(rows, kind, value)
                if kind is NumberKind.INVOICE and rows and not matching:
                    return self._find_further_invoice(company, rows, value, call)
                return self._read_rows(company, customer_id, matching)[0]
            refused = rows
        if kind in {NumberKind.WEB, NumberKind.ERP}:
            readings = self._find_by_details(company, customer_id, value, call)
        else:
            readings = self._find_by_period(company, customer_id, kind, value, call)
        # Only now: had the gateway been failing altogether, the other way would have failed too.
        if refused is not None:
            self._note_refusal(search, abs(refused))
            if refused == FAILED and not readings and not self._lacks(search):
                # It may have had a bad moment: "not found" would be a guess.
                raise SourceFailing("failed to search", source=self.source, operation="search")
        return readings

    def _rows_of_number(
        self,
        search: str,
        customer_id: str,
        criterion: Mapping[str, object],
        call: Call,
    ) -> list[Fields] | int:
        """Search by a number; a number instead of rows is how sure it is that it cannot."""
        answer = self._client.search(
            customer_id, {search: criterion}, call, also_accept=LACKING | {403}
        )
        if answer.status == 403:
            raise BadRequest(
                "refuses this customer", source=self.source, operation="search", status=403
            )
        if answer.status in OK:
            rows = self._client.rows(answer)
            if len(rows) > MOST_ROWS:
                raise ContractViolation(
                    "answers a number with too many orders",
                    path="itens",
                    source=self.source,
                    operation="search",
                )
            self._note(search, 0)
            return rows
        if answer.status in SURE_LACKING:
            return REFUSALS
        # An application that answers 400 or 404 in JSON may only mean that there is no such order.
        if answer.status == 500:
            return FAILED
        return 0 if has_json(answer) else 1

    def _find_further_invoice(
        self, company: CompanyRef, rows: Sequence[Fields], value: str, call: Call
    ) -> list[Reading]:
        """Read the few orders whole whose rows name another invoice: an order may have several."""
        if len(rows) > FEW_ROWS:
            return []
        orders = [self.order(company, key, call) for row in rows if (key := order_id(row))]
        return [order for order in orders if _carries(order, NumberKind.INVOICE, value)]

    def _find_by_details(
        self, company: CompanyRef, customer_id: str, value: str, call: Call
    ) -> list[Reading]:
        """Ask for the number as the old client's boxes did: it put web numbers there too."""
        details = self._client.details(customer_id, value, call)
        if details is None:
            return []
        return [self._read_details(company, customer_id, details)]

    def _find_by_period(
        self, company: CompanyRef, customer_id: str, kind: NumberKind, value: str, call: Call
    ) -> list[Reading]:
        """Look through the last orders, newest first, until one carries the number."""
        today = self._clock().astimezone(self.config.time_zone).date()
        first = today - timedelta(days=self.config.scan_days)
        for start, end in reversed(_windows(first, today, self.config.window_days)):
            rows = self._rows_of_period(customer_id, start, end, call)
            matching = self._matching(rows, kind, value)
            readings, _ = self._read_rows(company, customer_id, matching)
            found = [r for r in readings if _carries(r, kind, value)]
            if found:
                return found
        return []

    def _rows_of_period(
        self, customer_id: str, first: date, last: date, call: Call
    ) -> list[Fields]:
        if self.config.period_end == "exclusive":
            last += timedelta(days=1)
        return self._client.search_period(customer_id, first.isoformat(), last.isoformat(), call)

    def _matching(self, rows: Sequence[Fields], kind: NumberKind, value: str) -> list[Fields]:
        """Keep the rows that do not contradict the number: a gateway may ignore the search."""
        number, _, series = value.partition("/")
        if kind is NumberKind.CUSTOMER:
            return [row for row in rows if _agrees(customer_numbers(row), value)]
        if kind is NumberKind.ERP and self.config.erp_id_is == "erp":
            return [
                row
                for row in rows
                if _agrees([order_id(row), row.text("pedidoErp", limit=80)], value)
            ]
        if kind is NumberKind.INVOICE:
            return [
                row
                for row in rows
                if _agrees([row.text("notaFiscal")], number)
                and (not series or _agrees([row.text("serieNotaFiscal")], series))
            ]
        return list(rows)

    # --- reading ------------------------------------------------------------------

    def _read_rows(
        self, company: CompanyRef, customer_id: str, rows: Sequence[Fields]
    ) -> tuple[list[Reading], list[str]]:
        readings, problems = [], []
        for row in rows:
            owner = self._owner(company, customer_id, row)
            key = order_id(row)
            if not key:
                problems.append(f"{row.path}pedidoErpId is missing or too long")
                continue
            record = map_row(row, owner, self.config)
            if record.customer_numbers:
                self._keep_own_number(owner, key, record.customer_numbers[0])
            readings.append(Reading(record, to_payload({"row": row.payload}), self._clock()))
        return readings, problems

    def _read_changes(
        self, company: CompanyRef | None, rows: Sequence[Fields]
    ) -> tuple[list[Reading], list[str]]:
        """Read rows that say themselves whose they are; of one company only its own."""
        readings, problems = [], []
        named = [(row, _named_owner(row)) for row in rows]
        owners: dict[str, set[str]] = {}
        for row, owner in named:
            owners.setdefault(order_id(row), set()).add(_plain(owner))
        for row, owner in named:
            if not _plain(owner):
                problems.append(f"{row.path}revendaId does not say whose order it is")
            elif order_id(row) and len(owners[order_id(row)]) > 1:
                problems.append(f"{row.path}revendaId is not the same in all rows of the order")
            elif company is None or _is_theirs(company, owner):
                whose = company or CompanyRef(owner, customer_ids=(owner,))
                found, missing = self._read_rows(whose, owner, [row])
                readings += found
                problems += missing
        return readings, problems

    def _read_details(
        self,
        company: CompanyRef,
        customer_id: str,
        payload: Mapping[str, object],
        *,
        files: tuple[Entry, ...] | None = None,
        listing: Mapping[str, object] | None = None,
    ) -> Reading:
        details = Fields(payload)
        owner = self._owner(company, customer_id, details)
        record = map_details(
            details,
            owner,
            self.config,
            files=files,
            known_customer_number=self._own_numbers.get((owner, order_id(details)), ""),
        )
        kept: dict[str, object] = {"details": payload}
        if listing is not None:
            kept["documents"] = listing
        return Reading(record, to_payload(kept), self._clock())

    def _details_of(
        self, company: CompanyRef, external_id: str, call: Call
    ) -> tuple[str, Mapping[str, object]]:
        for customer_id in _customer_ids(company):
            details = self._client.details(customer_id, external_id, call)
            if details is None:
                continue
            # First whose it is: another company's order is the graver fault.
            self._owner(company, customer_id, Fields(details))
            if not _agrees([order_id(Fields(details))], external_id):
                raise ContractViolation(
                    "answers with another order",
                    path="pedidoErpId",
                    source=self.source,
                    operation="order",
                )
            return customer_id, details
        raise NotFound("has no such order", source=self.source, operation="order")

    def _find_entries(self, company: CompanyRef, external_id: str, call: Call) -> tuple[Entry, ...]:
        for customer_id in _customer_ids(company):
            listing = self._client.documents(customer_id, external_id, call)
            if entries := self._entries(listing, company, external_id):
                return entries
        return ()

    def _entries(
        self, listing: Mapping[str, object], company: CompanyRef, external_id: str
    ) -> tuple[Entry, ...]:
        answer = Fields(listing)
        self._owner(company, "", answer)
        if (named := order_id(answer)) and not _agrees([named], external_id):
            raise ContractViolation(
                "answers with another order's files",
                path="pedidoErpId",
                source=self.source,
                operation="documents",
            )
        return map_documents(answer.objects("itens"), self.config.time_zone)

    def _owner(self, company: CompanyRef, asked: str, payload: Fields) -> str:
        """Return whose an answer is; refuse it when it says another customer's.

        A gateway that ignores `revendaId` hands out everybody's orders.
        """
        named = as_text(payload.raw("revendaId"))
        if not named:
            return asked
        for customer_id in _customer_ids(company):
            if _plain(customer_id) == _plain(named):
                return customer_id
        raise WrongOwner("answers with another customer's order", source=self.source)

    def _keep_own_number(self, customer_id: str, external_id: str, number: str) -> None:
        self._own_numbers[customer_id, external_id] = number
        self._own_numbers.move_to_end((customer_id, external_id))
        if len(self._own_numbers) > REMEMBERED_ROWS:
            self._own_numbers.popitem(last=False)

    # --- what was learned -----------------------------------------------------------

    def _has_answered(self) -> bool:
        return bool(self.learned.get("paths"))

    def _refusals(self, search: str) -> int:
        refusals = self.learned.get("refusals")
        count = refusals.get(search, 0) if isinstance(refusals, dict) else 0
        return count if isinstance(count, int) else 0

    def _lacks(self, search: str) -> bool:
        return self._refusals(search) >= REFUSALS

    def _note_refusal(self, search: str, weight: int) -> None:
        self._note(search, min(REFUSALS, self._refusals(search) + weight))

    def _note(self, search: str, refusals: int) -> None:
        if self._refusals(search) != refusals:
            before = self.learned.get("refusals")
            kept = before if isinstance(before, dict) else {}
            self.learned["refusals"] = {**kept, search: refusals}


def _customer_ids(company: CompanyRef) -> tuple[str, ...]:
    """Return the ids to ask with. None at all means that nothing is asked.

    An ERP may take a missing or null `revendaId` for "no filter".
    """
    stripped = (customer_id.strip() for customer_id in company.customer_ids)
    return tuple(dict.fromkeys(i for i in stripped if i and i.casefold() not in {"null", "none"}))


def _named_owner(row: Fields) -> str:
    """Return the one customer whom a row names, "" for none, several or no customer's id."""
    named = row.spellings("revendaId")
    whose = CompanyRef("", customer_ids=tuple(named))
    return next(iter(_customer_ids(whose)), "") if len(named) == 1 else ""


def _is_theirs(company: CompanyRef, owner: str) -> bool:
    return _plain(owner) in {_plain(customer_id) for customer_id in _customer_ids(company)}


def _criterion(kind: NumberKind, value: str) -> tuple[str, dict[str, object]]:
    if kind is NumberKind.INVOICE:
        number, _, series = value.partition("/")
        criterion: dict[str, object] = {"notaFiscal": number.strip()}
        if series.strip():
            criterion["serieNotaFiscal"] = series.strip()
        return "porNotaFiscal", criterion
    return "porCodigo", {"codigo": value, "tipo": CODES[kind]}


def _windows(first: date, last: date, days: int) -> list[tuple[date, date]]:
    """Cut a period into windows, oldest first, without gap or overlap."""
    windows = []
    while first <= last:
        end = min(last, first + timedelta(days=days - 1))
        windows.append((first, end))
        first = end + timedelta(days=1)
    return windows


def _plain(number: str) -> str:
    """Write a number for comparing: sources pad, space and capitalise as they like."""
    return "".join(ch for ch in number.casefold() if ch.isalnum()).lstrip("0")


def _agrees(written: Sequence[str], value: str) -> bool:
    """Say whether one of the numbers is the value, or none is stated."""
    stated = [_plain(number) for number in written if number]
    return not stated or _plain(value) in stated


def _carries(reading: Reading, kind: NumberKind, value: str) -> bool:
    """Say whether a record states the number itself: a period's rows answer no question."""
    if kind is NumberKind.CUSTOMER:
        return _plain(value) in {_plain(number) for number in reading.record.customer_numbers}
    number = _plain(value.partition("/")[0])
    return number in {_plain(invoice.number) for invoice in reading.record.invoices}
