"""What the demo keeps between two starts, in its private state directory."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from b2b_orders.embedded.processes import private_directory


@dataclass(slots=True)
class DemoState:
    """Keys, ports and what has been done; written after each change."""

    directory: Path
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    encryption_key: str = field(
        default_factory=lambda: base64.urlsafe_b64encode(os.urandom(32)).decode()
    )
    # The generated world is counted back from this day; it must not move under kept data.
    seed_date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())
    vtex_port: int = 0
    erp_port: int = 0
    # The addresses that the loaded connections point at, and who was loaded.
    loaded_for: list[str] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)
    ingested: list[str] = field(default_factory=list)
    # Process id by name, with the command line that proves it is still ours.
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def open(cls, directory: Path) -> DemoState:
        """Read what an earlier start left, or begin afresh."""
        private_directory(directory)
        private_directory(directory / "log")
        try:
            kept = json.loads((directory / "state.json").read_text())
        except (FileNotFoundError, ValueError):
            kept = {}
        known = {each.name for each in fields(cls)} - {"directory"}
        state = cls(directory, **{name: kept[name] for name in known & kept.keys()})
        state.save()
        return state

    def save(self) -> None:
        """Write the state whole or not at all."""
        content = asdict(self)
        del content["directory"]
        write_private(self.directory / "state.json", json.dumps(content, indent=1))


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)
