"""Sessions in the database, with the cache in front of it, that outlast a cache that is away."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


class SessionStore(CachedStore):
    """Read from the database when the cache does not answer.

    Django does so when reading fails, and then fails to write back what it read. Ending a
    session still needs the cache, on purpose: what stays there would open again.
    """

    def load(self) -> dict[str, Any]:
        """Return the session's data, from wherever it is to be had."""
        try:
            return super().load()
        except (RedisError, OSError):
            logger.warning("a session was read past the cache")
        row = self._get_session_from_db()  # type: ignore[attr-defined] # the stubs lack it
        return dict(self.decode(row.session_data)) if row else {}
