"""A page that shows the mail which the demo did not send, newest first.

Django's file backend writes messages one after the other into files, with a line of dashes
between them.
"""

from __future__ import annotations

import email
import email.policy
import html
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from erp_bridge.simulators.server import Request, Response

_BETWEEN = b"\n" + b"-" * 79 + b"\n"
_MOST = 100
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:50rem;padding:1rem}"
    "article{border:1px solid #bbb;border-radius:6px;margin:1rem 0;padding:0 1rem}"
    "h2{font-size:1.1rem}pre{white-space:pre-wrap;overflow-wrap:anywhere}"
)


def read_mail(directory: Path) -> list[EmailMessage]:
    """Read the messages in a directory of Django's file mail, newest first."""
    files = sorted(directory.glob("*.log"), key=lambda file: file.stat().st_mtime_ns)
    found = [
        email.message_from_bytes(raw.lstrip(), policy=email.policy.default)
        for file in files
        for raw in file.read_bytes().split(_BETWEEN)
        if raw.strip()
    ]
    return found[::-1]


def text_of(message: EmailMessage) -> str:
    """Give a message's plain text."""
    body = message.get_body(("plain", "html"))
    return str(body.get_content()) if body else ""


@dataclass(frozen=True, slots=True)
class MailPage:
    """Answers with the mail of a directory as a page."""

    directory: Path

    def __call__(self, request: Request) -> Response:
        """Show the messages to the address in `to`, or all."""
        wanted = request.query.get("to", "")
        shown = [one for one in read_mail(self.directory) if wanted in str(one["to"])][:_MOST]
        inside = "".join(_article(message) for message in shown) or "<p>No mail yet.</p>"
        page = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Mail</title>'
            '<meta name="viewport" content="width=device-width">'
            f"<style>{_STYLE}</style></head><body><h1>Mail that was not sent</h1>{inside}"
            "</body></html>"
        )
        return Response(200, page.encode(), "text/html; charset=utf-8")


def _article(message: EmailMessage) -> str:
    words = {name: html.escape(str(message[name] or "")) for name in ("subject", "to", "date")}
    parts = [html.escape(part.get_filename() or "") for part in message.iter_attachments()]
    attached = f"<p>Attached: {', '.join(parts)}</p>" if parts else ""
    return (
        f"<article><h2>{words['subject']}</h2><p>{words['to']} &middot; {words['date']}</p>"
        f"<pre>{_linked(text_of(message))}</pre>{attached}</article>"
    )


def _linked(text: str) -> str:
    """Make addresses in a text links, so that a mail's link can be followed."""
    words = html.escape(text).split("\n")
    return "\n".join(" ".join(_link(word) for word in line.split(" ")) for line in words)


def _link(word: str) -> str:
    if not word.startswith(("http://", "https://")):
        return word
    return f'<a href="{word}">{word}</a>'
