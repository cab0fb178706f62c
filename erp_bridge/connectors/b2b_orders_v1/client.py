"""The contract's three endpoints: requests as the old client sent them, answers as objects.

ERPs were built against the old client, so its spellings come first. A 404 or 405 that is
not JSON means that nobody listens at that address: then the documented spelling is tried,
and the one that answers is remembered in `learned`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import urljoin, urlsplit

from erp_bridge.connector import Call, DocumentStream
from erp_bridge.connectors.b2b_orders_v1.config import B2BOrdersV1Config
from erp_bridge.connectors.b2b_orders_v1.documents import decode_body
from erp_bridge.connectors.b2b_orders_v1.mapping import order_id
from erp_bridge.connectors.b2b_orders_v1.payloads import Fields, objects_of
from erp_bridge.errors import BadRequest, ContractViolation, NotFound, Unsupported
from erp_bridge.http import Answer, Door

# The README and the guide spell two paths otherwise than the old client sent them.
DOCUMENTED: Final[Mapping[str, tuple[str, str]]] = {
    "order": ("/api/v1/pedido/", "/api/v1/pedido"),
    "documents": ("/api/v1/ArquivosPedido/", "/api/v1/arquivospedido"),
}
OK: Final = frozenset(range(200, 300))
# After so many orders for which no spelling answered, only the first is asked.
_GIVE_UP_AFTER = 5
# Answers of gateways that never had the search for what changed.
_NO_CHANGES: Final = frozenset({400, 403, 404, 405, 501})
MAX_CURSOR = 200
# A list of files may carry the files themselves.
MAX_ANSWER_BYTES: Final = {"order": 10_000_000, "documents": 30_000_000}
_CHUNK: Final = 65_536
_NOTHING = re.compile(
    r"nenhum|n[ãa]o (?:foi |foram |h[áa]\b|existe|encontr)|not found|no order", re.IGNORECASE
)


class B2BOrdersV1Client:
    """Asks one gateway. Knows its addresses; what an order is, `mapping` knows."""

    def __init__(
        self, source: str, config: B2BOrdersV1Config, learned: MutableMapping[str, object]
    ) -> None:
        self.source = source
        self.config = config
        self.learned = learned
        self._misses: Counter[str] = Counter()
        self._door = Door(
            source,
            config.endpoint,
            replace(
                config.policy,
                allowed_hosts=config.policy.allowed_hosts | frozenset(config.document_hosts),
            ),
            headers={"Authorization": f"Bearer {config.token}", "Accept": "application/json"},
            secrets=(config.token,),
        )

    def search(
        self,
        customer_id: str,
        criterion: Mapping[str, Mapping[str, object]],
        call: Call,
        *,
        also_accept: frozenset[int] = frozenset(),
    ) -> Answer:
        """Send one search: `criterion` is exactly one of porCodigo, porPeriodo, porNotaFiscal."""
        return self._door.send(
            "POST",
            self.config.search_path,
            call=call,
            operation="search",
            body={**criterion, "revendaId": as_revenda_id(customer_id)},
            accept_status=OK | also_accept,
        )

    def rows(self, answer: Answer) -> list[Fields]:
        """Read the rows of a search's answer; absent, null and [] are nothing found."""
        payload = self._content(answer)
        if isinstance(payload, Mapping):
            payload = Fields(payload).raw("itens")
        if payload is None:
            return []
        if not isinstance(payload, list):
            raise self._violation("is not a list", "search", "itens")
        return list(objects_of(payload, "itens"))

    def search_period(self, customer_id: str, first: str, last: str, call: Call) -> list[Fields]:
        """Search by period; an answer that says in words that there is nothing is no error."""
        answer = self.search(
            customer_id,
            {"porPeriodo": {"dataInicial": first, "dataFim": last}},
            call,
            also_accept=frozenset({400, 403, 404}),
        )
        if answer.status in OK:
            return self.rows(answer)
        if answer.status == 404 and has_json(answer):
            return []
        if answer.status == 400 and _NOTHING.search(_text(answer)):
            return []
        messages = {
            400: "refuses the period",
            403: "refuses this customer",
            404: "nobody answers at the address of the search",
        }
        raise BadRequest(
            messages[answer.status],
            source=self.source,
            operation="search",
            status=answer.status,
        )

    def search_changed(
        self, since: str, cursor: str, call: Call
    ) -> tuple[list[Fields], str, Answer]:
        """Search what changed in all customers' orders: rows, and the cursor after them.

        Only an answer that says where to go on is one: a gateway that ignores what it does
        not know would otherwise be believed that nothing ever changes.
        """
        answer = self._door.send(
            "POST",
            self.config.search_path,
            call=call,
            operation="changed",
            body={"porAlteracao": {"desde": since, "cursor": cursor}},
            accept_status=OK | _NO_CHANGES,
        )
        if answer.status == 400 and cursor:
            raise BadRequest(
                "refuses the cursor that it gave",
                source=self.source,
                operation="changed",
                status=400,
            )
        if answer.status not in OK:
            raise self._lacks_changes("refuses it", answer)
        payload = self._content(answer)
        if payload is None or isinstance(payload, list):
            raise self._lacks_changes("answers without a cursor", answer)
        if not isinstance(payload, Mapping):
            raise self._violation("is not an object", "changed", "changed")
        further = Fields(payload).raw("cursor")
        if further is None:
            raise self._lacks_changes("answers without a cursor", answer)
        if not isinstance(further, str) or len(further) > MAX_CURSOR:
            raise self._violation(f"is not text of at most {MAX_CURSOR}", "changed", "cursor")
        if further and further == cursor:
            raise self._violation("does not move", "changed", "cursor")
        return self.rows(answer), further, answer

    def _lacks_changes(self, how: str, answer: Answer) -> Unsupported:
        return Unsupported(
            f"has no search porAlteracao ({how}): take the setting changed_since back,"
            " or have the gateway serve it",
            source=self.source,
            operation="changed",
            status=None if answer.status in OK else answer.status,
        )

    def details(self, customer_id: str, number: str, call: Call) -> Mapping[str, object] | None:
        """Read one order; None when there is none, also when it is another customer's."""
        answer = self._ask("order", customer_id, number, call)
        if answer.status == 404 and not has_json(answer) and "order" not in self._answering:
            # Before any order came from this address, it may as well be a wrong address.
            raise BadRequest(
                "nobody answers at the address of an order",
                source=self.source,
                operation="order",
                status=404,
            )
        if answer.status not in OK:
            return None
        payload = self._content(answer)
        if isinstance(payload, list) and len(payload) == 1:
            payload = payload[0]
        if payload is None or payload == []:
            return None
        if not isinstance(payload, Mapping):
            raise self._violation("is not an object", "order", "order")
        return payload if order_id(Fields(payload)) else None

    def documents(self, customer_id: str, number: str, call: Call) -> Mapping[str, object]:
        """Read the list of an order's files; an empty one when the ERP serves none."""
        answer = self._ask("documents", customer_id, number, call)
        if answer.status not in OK:
            return {"itens": []}
        payload = self._content(answer)
        if isinstance(payload, list):
            return {"itens": payload}
        if payload is None:
            return {"itens": []}
        if not isinstance(payload, Mapping):
            raise self._violation("is not an object", "documents", "documents")
        return payload

    def open(self, url: str, call: Call) -> AbstractContextManager[DocumentStream]:
        """Open a file where the ERP says it is; the token goes only to the ERP's own host."""
        if not url:
            raise NotFound("lists the file without an address", source=self.source)
        base = self.config.endpoint + "/"
        address = urljoin(base, f"https://{url}" if _looks_like_host(url) else url)
        is_own = _origin(address) == _origin(base)
        return self._door.stream(
            address,
            call=call,
            operation="file",
            with_credentials=is_own and self.config.token_for_documents,
            max_bytes=self.config.policy.max_file_bytes,
        )

    @contextmanager
    def inline(self, body: str) -> Iterator[DocumentStream]:
        """Open a file that stands in the list itself, in base64."""
        content = decode_body(body)
        if not content:
            raise self._violation("is not a file in base64", "file", "itens.conteudo")
        yield DocumentStream(
            chunks=(content[at : at + _CHUNK] for at in range(0, len(content), _CHUNK)),
            size=len(content),
        )

    def probe(self, customer_id: str, call: Call) -> Answer:
        """Ask for an order that nobody has, so that something answers and nothing is read."""
        return self._ask("order", customer_id, "0", call)

    def close(self) -> None:
        """Give back sockets."""
        self._door.close()

    @property
    def _answering(self) -> dict[str, str]:
        """The spellings that answered, as remembered."""
        paths = self.learned.get("paths")
        return paths if isinstance(paths, dict) else {}

    def _spellings(self, which: str) -> list[str]:
        own = self.config.order_path if which == "order" else self.config.documents_path
        spellings = list(DOCUMENTED[which]) if own in DOCUMENTED[which] else [own]
        first = self._answering.get(which, own)
        return sorted(spellings, key=lambda path: path != first)

    def _ask(self, which: str, customer_id: str, number: str, call: Call) -> Answer:
        first, *others = self._spellings(which)
        answer = self._get(which, first, customer_id, number, call)
        if not _is_nobody(answer):
            self._remember(which, first)
            return answer
        if not others or self._misses[which] >= _GIVE_UP_AFTER:
            return answer
        second = self._get(which, others[0], customer_id, number, call)
        if _is_nobody(second):
            self._misses[which] += 1
            return answer
        self._remember(which, others[0])
        return second

    def _remember(self, which: str, path: str) -> None:
        self._misses[which] = 0
        if self._answering.get(which) != path:
            self.learned["paths"] = {**self._answering, which: path}

    def _get(self, which: str, path: str, customer_id: str, number: str, call: Call) -> Answer:
        params = {"pedidoErpId": number, "revendaId": str(as_revenda_id(customer_id))}
        # A gateway that adds or takes the last slash does so by a redirect, which the door follows.
        return self._door.send(
            "GET",
            path,
            call=call,
            operation=which,
            params=params,
            accept_status=OK | {400, 403, 404, 405},
            max_bytes=MAX_ANSWER_BYTES[which],
        )

    def _content(self, answer: Answer) -> object:
        if answer.status == 204 or not answer.content.strip():
            return None
        payload: object = answer.json()
        return payload

    def _violation(self, message: str, operation: str, path: str) -> ContractViolation:
        return ContractViolation(message, path=path, source=self.source, operation=operation)


def as_revenda_id(customer_id: str) -> int | str:
    """Write a customer id as the contract's integer; an ERP with letters in it gets them."""
    return int(customer_id) if re.fullmatch(r"\d{1,18}", customer_id, re.ASCII) else customer_id


def has_json(answer: Answer) -> bool:
    """Say whether an answer carries a JSON object or list: then an application spoke."""
    try:
        return isinstance(answer.json(), dict | list)
    except ContractViolation:
        return False


def _is_nobody(answer: Answer) -> bool:
    return answer.status in {404, 405} and not has_json(answer)


def _text(answer: Answer) -> str:
    return answer.content[:2000].decode("utf-8", "replace")


def _looks_like_host(url: str) -> bool:
    return re.match(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?/", url, re.IGNORECASE) is not None


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "", "", None
