"""How much may be asked in how short a time: token buckets that all processes share.

A bucket holds `size` tokens and fills evenly in `seconds`. Several are drawn from at once, all
or none. In production they stand in the cache server, where one script reads the clock, fills
and draws in one round trip; where the cache is this process's own, so are they.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# After the cache has failed nobody asks it for so long, so that no page waits for it twice.
REST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is counted, how many of it are free at once, and in what time as many come back.

    `rests`: who has emptied it waits until it is full, and not just for the next token.
    """

    key: str
    size: int
    seconds: float = 60.0
    rests: bool = False


@dataclass(frozen=True, slots=True)
class Draw:
    """Tokens to take out of a bucket. None only asks whether there is one."""

    bucket: Bucket
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of it: `wait` is in seconds, `left` the share that the emptiest still holds.

    `refused` is the bucket that had none. `is_first`: nobody was refused by it for as long as
    it takes to fill, so this is the time to write it down.
    """

    wait: float = 0.0
    left: float = 1.0
    refused: Bucket | None = None
    is_first: bool = False

    @property
    def is_allowed(self) -> bool:
        """Say whether the tokens were taken."""
        return self.refused is None

    @property
    def seconds(self) -> int:
        """Return the wait in whole seconds, as it is told to people and in `Retry-After`."""
        return max(1, math.ceil(round(self.wait, 3)))


class Buckets(Protocol):
    """Where buckets stand."""

    def draw(self, draws: Sequence[Draw]) -> Drawn:
        """Take from all buckets, or from none when one has too little."""


class CacheDown(Exception):
    """The cache does not answer, so nothing is counted."""


# KEYS: a bucket and its mark of having refused, in turn. ARGV: size, seconds, tokens, rests.
_SCRIPT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local levels, least, wait, refused, first = {}, 1, 0, 0, 0
for i = 1, #KEYS / 2 do
    local size, seconds = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
    local tokens, rests = tonumber(ARGV[4 * i - 1]), ARGV[4 * i] == '1'
    local kept = redis.call('HMGET', KEYS[2 * i - 1], 'level', 'at')
    local level = size
    if kept[1] then
        local gone = math.max(0, now - tonumber(kept[2]))
        level = math.min(size, tonumber(kept[1]) + gone * size / seconds)
    end
    levels[i] = level
    least = math.min(least, (level - tokens) / size)
    local need = math.max(1, tokens)
    local resting = rests and redis.call('PTTL', KEYS[2 * i]) or -2
    local more = 0
    if resting > 0 then
        more = resting / 1000
    elseif level < need then
        more = (need - level) * seconds / size
        if rests then more = seconds end
    end
    if more > wait then wait, refused = more, i end
end
if refused > 0 then
    local size, seconds = tonumber(ARGV[4 * refused - 3]), tonumber(ARGV[4 * refused - 2])
    local mark = redis.call('SET', KEYS[2 * refused], '1', 'NX', 'PX', math.ceil(seconds * 1000))
    if mark then first = 1 end
    return {refused, tostring(wait), '0', first}
end
for i = 1, #KEYS / 2 do
    local seconds, tokens = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
    if tokens > 0 then
        redis.call('HSET', KEYS[2 * i - 1], 'level', tostring(levels[i] - tokens),
            'at', string.format('%.6f', now))
        redis.call('PEXPIRE', KEYS[2 * i - 1], math.ceil(seconds * 1000))
    end
end
return {0, '0', tostring(math.max(0, least)), 0}
"""


class SharedBuckets:
    """Buckets in the cache server, the same for all processes."""

    def draw(self, draws: Sequence[Draw]) -> Drawn:
        """Have the server fill and draw, by its own clock."""
        keys: list[str] = []
        words: list[Any] = []
        for each in draws:
            bucket = each.bucket
            keys += [_key(bucket), _key(bucket, "refused")]
            words += [bucket.size, bucket.seconds, each.tokens, int(bucket.rests)]
        # Django's own connection: `cache._cache` is how it is reached.
        client = cache._cache.get_client(None, write=True)  # type: ignore[attr-defined] # noqa: SLF001 Django's own way to its client
        try:
            refused, wait, left, first = client.register_script(_SCRIPT)(keys=keys, args=words)
        except (RedisError, OSError) as error:
            raise CacheDown(str(error)) from error
        if not refused:
            return Drawn(left=float(left))
        return Drawn(float(wait), 0.0, draws[int(refused) - 1].bucket, is_first=bool(first))


class OwnBuckets:
    """Buckets of this process alone, for a cache that is this process's own."""

    _lock = threading.Lock()

    def draw(self, draws: Sequence[Draw]) -> Drawn:
        """Fill and draw, one caller at a time."""
        with self._lock:
            return self._draw(draws, time.time())

    def _draw(self, draws: Sequence[Draw], now: float) -> Drawn:
        levels = [self._level(each.bucket, now) for each in draws]
        waits = [self._wait(each, level, now) for each, level in zip(draws, levels, strict=True)]
        longest = max(waits, default=0.0)
        if longest > 0:
            bucket = draws[waits.index(longest)].bucket
            is_first = cache.add(_key(bucket, "refused"), now + bucket.seconds, bucket.seconds)
            return Drawn(longest, 0.0, bucket, is_first=is_first)
        left = 1.0
        for each, level in zip(draws, levels, strict=True):
            bucket, rest = each.bucket, level - each.tokens
            left = min(left, rest / bucket.size)
            if each.tokens:
                cache.set(_key(bucket), (rest, now), bucket.seconds)
        return Drawn(left=max(0.0, left))

    def _level(self, bucket: Bucket, now: float) -> float:
        level, at = cache.get(_key(bucket), (bucket.size, now))
        gone: float = max(0.0, now - at)
        return float(min(bucket.size, level + gone * bucket.size / bucket.seconds))

    def _wait(self, draw: Draw, level: float, now: float) -> float:
        bucket, needed = draw.bucket, max(1, draw.tokens)
        if bucket.rests and (until := cache.get(_key(bucket, "refused"))):
            return float(until) - now
        if level >= needed:
            return 0.0
        return bucket.seconds if bucket.rests else (needed - level) * bucket.seconds / bucket.size


def _key(bucket: Bucket, what: str = "level") -> str:
    return cache.make_key(f"limit:{bucket.key}:{what}")


class _Rest:
    """Until when this process leaves a cache alone that has failed."""

    until = 0.0


def draw(*draws: Draw) -> Drawn:
    """Take from all these buckets, or from none; a bucket of no size has no limit.

    Raises `CacheDown` when nothing can be counted: the caller decides what that means.
    """
    counted = [each for each in draws if each.bucket.size > 0]
    if not counted:
        return Drawn()
    if time.monotonic() < _Rest.until:
        raise CacheDown("it failed a moment ago")
    try:
        return buckets().draw(counted)
    except CacheDown:
        _Rest.until = time.monotonic() + REST_SECONDS
        logger.exception("the cache does not answer, and limits are not counted")
        raise


def take(*wanted: Bucket) -> bool:
    """Take one token of each, or none; say whether there was one. Without a cache there is."""
    try:
        return draw(*map(Draw, wanted)).is_allowed
    except CacheDown:
        return True


def is_empty(bucket: Bucket) -> bool:
    """Say whether nothing is left, and take nothing. Without a cache there is."""
    try:
        return not draw(Draw(bucket, 0)).is_allowed
    except CacheDown:
        return False


def buckets() -> Buckets:
    """Choose where buckets stand: in the server that the cache is, if it is one."""
    is_server = hasattr(getattr(cache, "_cache", None), "get_client")
    return SharedBuckets() if is_server else OwnBuckets()
