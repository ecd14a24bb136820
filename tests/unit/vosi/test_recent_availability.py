"""Availability for thousands who ask at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from vosi.availability import Availability, RecentAvailability


def test_many_who_ask_at_once_cost_one_look():
    looks, release = [], threading.Event()

    def look() -> Availability:
        looks.append(1)
        release.wait(5)
        return Availability(available=True)

    recent = RecentAvailability(look, age_s=60)
    with ThreadPoolExecutor(32) as pool:
        asked = [pool.submit(recent) for _ in range(200)]
        release.set()
        assert all(each.result().available for each in asked)
    assert len(looks) == 1


def test_an_outage_is_seen_when_the_last_look_is_too_old():
    states = iter([Availability(available=True), Availability(available=False)])
    recent = RecentAvailability(lambda: next(states), age_s=0)
    assert recent().available
    assert not recent().available


def test_while_one_looks_again_others_get_the_last_state():
    started, release = threading.Event(), threading.Event()
    looks = []

    def look() -> Availability:
        looks.append(1)
        if len(looks) == 2:
            started.set()
            release.wait(5)
        return Availability(available=len(looks) == 1)

    recent = RecentAvailability(look, age_s=0)
    recent()
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(recent)
        started.wait(5)
        assert recent().available
        release.set()
        assert not second.result().available
