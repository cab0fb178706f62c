"""Which part of a number matches what was typed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Marked:
    """A text in three parts; the middle one is marked, and may be empty."""

    before: str
    hit: str = ""
    after: str = ""

    @property
    def whole(self) -> str:
        """The text without marks."""
        return self.before + self.hit + self.after


def _kept(text: str) -> tuple[str, tuple[int, ...]]:
    """Reduce to letters and digits, with the place of each in the text."""
    places = tuple(at for at, sign in enumerate(text) if sign.isalnum())
    return "".join(text[at] for at in places).upper(), places


def mark(written: str, typed: str, how: str = "") -> Marked:
    """Mark what was typed in a number as written, whatever its signs, case and zeros."""
    text, places = _kept(written)
    wanted, _ = _kept(typed)
    at = _find(text, wanted, how)
    if at < 0:
        wanted = wanted.lstrip("0")
        at = _find(text, wanted, how)
    if at < 0 or not wanted:
        # Recognised in another shape (a boleto line, a number inside a phrase): all of it.
        return Marked("", written) if how == "exact" else Marked(written)
    start, end = places[at], places[at + len(wanted) - 1] + 1
    return Marked(written[:start], written[start:end], written[end:])


def mark_slip(written: str, typed: str) -> Marked:
    """Mark where a number differs from what was typed; nothing where it only has more zeros."""
    text, places = _kept(written)
    zeros = len(text) - len(text.lstrip("0"))
    text, places = text[zeros:], places[zeros:]
    wanted = _kept(typed)[0].lstrip("0")
    shorter = min(len(text), len(wanted))
    start = next((at for at in range(shorter) if text[at] != wanted[at]), shorter)
    tail = next(
        (at for at in range(shorter - start) if text[-1 - at] != wanted[-1 - at]), shorter - start
    )
    if start + tail >= len(text):
        return Marked(written)
    first, end = places[start], places[len(text) - tail - 1] + 1
    return Marked(written[:first], written[first:end], written[end:])


def _find(text: str, wanted: str, how: str) -> int:
    if not wanted:
        return -1
    return text.rfind(wanted) if how == "suffix" else text.find(wanted)
