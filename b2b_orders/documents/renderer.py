"""The child process that draws a page of an XML: bytes in, bytes out, and nothing else.

It runs as a script of its own (`python -I renderer.py KIND CANCELLED ISSUER`), without our
settings, our environment or our database; what it reads is only as trustworthy as whoever wrote
it. It limits itself before it looks at a byte: memory, processor time, no files to write, no
network, no other programs. What went wrong is the first word on standard error, see
`drawing.FAILURES`; nothing of the XML's text is ever said there.
"""

from __future__ import annotations

import resource
import signal
import sys
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, NoReturn
from xml.etree import ElementTree

from brazilfiscalreport.dacce import DaCCe
from brazilfiscalreport.dacte import Dacte, DacteConfig
from brazilfiscalreport.danfe import (
    Danfe,
    DanfeConfig,
    DanfeLayout,
    FooterStamp,
    ProductDescriptionConfig,
)

MEMORY: Final = 640 * 1024 * 1024
PROCESSOR_SECONDS: Final = 60
MAX_PAGE_BYTES: Final = 20_000_000

# What a page has no business to do, by the names of Python's audit events.
_FORBIDDEN: Final = (
    *("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn"),
    *("os.system", "os.remove", "os.rename", "os.mkdir", "shutil.", "urllib.", "ctypes."),
)
_WRITING: Final = frozenset("wax+")
# When its page was drawn says nothing; when the note was issued is in the page.
_UNDATED: Final = datetime(2000, 1, 1, tzinfo=UTC)
_STAMP: Final = "Gerado a partir do XML pelo portal de pedidos; não é o arquivo emitido pelo ERP."


def main() -> NoReturn:
    """Draw what stands on standard input, write it to standard output and end."""
    kind, mark, issuer = sys.argv[1:4]
    confine()
    xml = sys.stdin.buffer.read()
    try:
        page = draw(kind, xml, is_cancelled=mark == "cancelled", issuer=issuer)
    except MemoryError:
        sys.exit("render-memory")
    except ElementTree.ParseError:
        sys.exit("render-unreadable")
    except Exception as error:  # noqa: BLE001 made for honest files, the library raises anything
        name = type(error).__name__
        sys.exit(f"{'render-characters' if 'Unicode' in name else 'render-layout'} {name}")
    if len(page) > MAX_PAGE_BYTES:
        sys.exit("render-too-large")
    sys.stdout.buffer.write(page)
    sys.stdout.buffer.flush()
    sys.exit(0)


def confine() -> None:
    """Give up what drawing a page does not need."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    # Whoever started us may be killed and then cannot end us.
    signal.alarm(2 * PROCESSOR_SECONDS)
    sys.addaudithook(_refuse)


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(event)
    if event == "open" and isinstance(args[1], str) and _WRITING.intersection(args[1]):
        raise PermissionError(event)


def draw(kind: str, xml: bytes, *, is_cancelled: bool, issuer: str) -> bytes:
    """Draw the printed form of an NF-e, a CT-e or a letter of correction.

    The layout is the one in force when the note was issued. `issuer` is the name that a
    letter's XML does not carry.
    """
    page = _PAGES[kind](xml, is_cancelled, issuer)
    # The same XML gives the same bytes.
    page.set_creation_date(_UNDATED)
    return bytes(page.output())


def _danfe(xml: bytes, is_cancelled: bool, _issuer: str) -> Any:  # noqa: FBT001 one of a table
    config = DanfeConfig(
        layout=DanfeLayout.AUTO,
        watermark_cancelled=is_cancelled,
        product_description_config=ProductDescriptionConfig(display_xped=True),
        footer_stamp=FooterStamp(text=_STAMP, height=4),
    )
    return Danfe(xml=xml, config=config)


def _dacte(xml: bytes, is_cancelled: bool, _issuer: str) -> Any:  # noqa: FBT001 one of a table
    return Dacte(xml=xml, config=DacteConfig(watermark_cancelled=is_cancelled))


def _cce(xml: bytes, _is_cancelled: bool, issuer: str) -> Any:  # noqa: FBT001 one of a table
    return DaCCe(xml=xml, emitente={"nome": issuer})


_PAGES: Final[Mapping[str, Callable[[bytes, bool, str], Any]]] = MappingProxyType(
    {"danfe": _danfe, "dacte": _dacte, "cce": _cce}
)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
