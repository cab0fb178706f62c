"""Every mail of the product, filled with whatever its templates ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "mail"
MAILS = sorted(path.stem for path in TEMPLATES.glob("*.txt") if path.stem != "base")
# Numbers alone are counted in words.
COUNTED = {
    name
    for path in TEMPLATES.iterdir()
    for name in re.findall(r"\bcount (?:\w+=)?(\w+)", path.read_text())
}


class Anything:
    """Whatever a template asks for: hostile text, at any depth, once in every list."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __getitem__(self, _name: object) -> Anything:
        return self

    def __getattr__(self, name: str) -> Anything:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __iter__(self) -> Iterator[Anything]:
        yield from (self, self)

    def __len__(self) -> int:
        return 2


class Everything(dict):
    """A context that has every name."""

    def __init__(self, text: str) -> None:
        super().__init__(dict.fromkeys(COUNTED, 2) | {"language": "en"})
        self.text = text

    def __contains__(self, _name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Anything:
        return Anything(self.text)
