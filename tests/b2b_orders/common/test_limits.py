"""Token buckets: in the process's own cache and in the cache server, to the same effect."""

from __future__ import annotations

import time

import pytest
import time_machine
from django.core.cache import cache, caches
from django.core.cache.backends.redis import RedisCache

from b2b_orders.common import limits
from b2b_orders.common.limits import (
    Bucket,
    Buckets,
    CacheDown,
    Draw,
    OwnBuckets,
    SharedBuckets,
    draw,
)


@pytest.fixture(params=["own", "shared"])
def buckets(request, monkeypatch) -> Buckets:
    if request.param == "own":
        return OwnBuckets()
    server = request.getfixturevalue("valkey_server")
    server.command("FLUSHALL")
    monkeypatch.setattr(limits, "cache", RedisCache(server.cache_url, {"KEY_PREFIX": "portal"}))
    return SharedBuckets()


def test_a_full_bucket_gives_what_it_holds_and_then_says_how_long_to_wait(buckets):
    bucket = Bucket("x:p1", size=3, seconds=60)

    drawn = [buckets.draw([Draw(bucket)]) for _ in range(4)]

    assert [each.is_allowed for each in drawn] == [True, True, True, False]
    assert drawn[3].refused == bucket
    assert 19 <= drawn[3].wait <= 20
    assert drawn[3].seconds == 20


def test_tokens_come_back_evenly(buckets):
    bucket = Bucket("x:p1", size=2, seconds=0.4)
    buckets.draw([Draw(bucket, 2)])
    assert not buckets.draw([Draw(bucket)]).is_allowed

    time.sleep(0.25)

    assert buckets.draw([Draw(bucket)]).is_allowed
    assert not buckets.draw([Draw(bucket)]).is_allowed


def test_a_bucket_never_holds_more_than_its_size(buckets):
    bucket = Bucket("x:p1", size=2, seconds=0.1)
    buckets.draw([Draw(bucket)])

    time.sleep(0.3)

    assert not buckets.draw([Draw(bucket, 3)]).is_allowed
    assert buckets.draw([Draw(bucket, 2)]).is_allowed


def test_nothing_is_taken_when_one_of_several_is_empty(buckets):
    mine, ours = Bucket("x:p1", 5), Bucket("x:c1", 1)
    assert buckets.draw([Draw(mine), Draw(ours)]).is_allowed

    refused = [buckets.draw([Draw(mine), Draw(ours)]) for _ in range(10)]

    assert {each.refused for each in refused} == {ours}
    assert buckets.draw([Draw(mine, 4)]).is_allowed


def test_asking_without_taking_leaves_a_bucket_as_it_was(buckets):
    bucket = Bucket("x:p1", 1)

    assert all(buckets.draw([Draw(bucket, 0)]).is_allowed for _ in range(5))
    assert buckets.draw([Draw(bucket)]).is_allowed
    assert not buckets.draw([Draw(bucket, 0)]).is_allowed


def test_only_the_first_refusal_in_a_while_is_the_first(buckets):
    bucket = Bucket("x:p1", 1, seconds=0.3)
    buckets.draw([Draw(bucket)])

    assert [buckets.draw([Draw(bucket)]).is_first for _ in range(3)] == [True, False, False]
    time.sleep(0.35)
    buckets.draw([Draw(bucket)])
    assert buckets.draw([Draw(bucket)]).is_first


def test_who_empties_a_bucket_that_rests_waits_until_it_is_full(buckets):
    bucket = Bucket("x:p1", 10, seconds=0.4, rests=True)
    buckets.draw([Draw(bucket, 10)])
    assert not buckets.draw([Draw(bucket, 0)]).is_allowed

    time.sleep(0.2)
    # Five tokens are back, and the wait goes on from when it began.
    resting = buckets.draw([Draw(bucket, 0)])
    assert not resting.is_allowed
    assert 0 < resting.wait <= 0.21
    time.sleep(0.25)
    assert buckets.draw([Draw(bucket, 5)]).is_allowed


def test_what_is_left_is_told_as_a_share(buckets):
    bucket = Bucket("x:p1", 4)

    assert [round(buckets.draw([Draw(bucket)]).left, 2) for _ in range(3)] == [0.75, 0.5, 0.25]


def test_people_do_not_share_buckets(buckets):
    assert buckets.draw([Draw(Bucket("x:p1", 1))]).is_allowed
    assert buckets.draw([Draw(Bucket("x:p2", 1))]).is_allowed


def test_the_cache_server_forgets_buckets_that_are_full_again(valkey_server, monkeypatch):
    valkey_server.command("FLUSHALL")
    monkeypatch.setattr(limits, "cache", RedisCache(valkey_server.cache_url, {}))

    SharedBuckets().draw([Draw(Bucket("x:p1", 5, seconds=0.1))])
    time.sleep(0.2)

    client = limits.cache._cache.get_client(None)
    assert client.keys("*limit*") == []


def test_a_bucket_of_no_size_has_no_limit():
    assert all(draw(Draw(Bucket("x:p1", 0))).is_allowed for _ in range(50))


def test_a_cache_that_is_away_is_said_so_and_left_alone_for_a_while(monkeypatch):
    monkeypatch.setattr(limits._Rest, "until", 0.0)
    away = RedisCache("redis://127.0.0.1:1/0", {"OPTIONS": {"socket_connect_timeout": 1}})
    monkeypatch.setattr(limits, "cache", away)

    with pytest.raises(CacheDown) as first:
        draw(Draw(Bucket("x:p1", 5)))
    monkeypatch.setattr(limits, "cache", cache)
    with pytest.raises(CacheDown) as second:
        draw(Draw(Bucket("x:p1", 5)))

    # Who is told once need not be told again.
    assert first.value.__cause__ is not None
    assert second.value.__cause__ is None
    monkeypatch.setattr(limits._Rest, "until", 0.0)
    assert draw(Draw(Bucket("x:p1", 5))).is_allowed


def test_production_has_its_buckets_in_the_server(monkeypatch):
    assert isinstance(limits.buckets(), OwnBuckets)
    monkeypatch.setattr(limits, "cache", RedisCache("redis://127.0.0.1:1/0", {}))
    assert isinstance(limits.buckets(), SharedBuckets)


def test_own_buckets_follow_the_clock():
    bucket, start = Bucket("x:p1", 1, 60), "2026-03-10T13:00:00Z"
    with time_machine.travel(start, tick=False) as clock:
        assert draw(Draw(bucket)).is_allowed
        assert draw(Draw(bucket)).seconds == 60
        clock.shift(59)
        assert draw(Draw(bucket)).seconds == 1
        clock.shift(1)
        assert draw(Draw(bucket)).is_allowed
    assert caches["default"] is not None
