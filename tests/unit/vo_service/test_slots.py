"""Slots, and the turns of those who wait for them."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vo_service.slots import ServiceBusy, Slots, VisitorBusy


class Asker:
    """A request in a thread of its own, that keeps its slot until it is told."""

    def __init__(self, slots: Slots, visitor: str, order: list[str]) -> None:
        self.visitor = visitor
        self.done = threading.Event()
        self.failure = None
        self._slots = slots
        self._order = order
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            release = self._slots.take(self.visitor)
        except ServiceBusy as error:
            self.failure = error
            return
        self._order.append(self.visitor)
        self.done.wait(180)
        release()

    def end(self) -> None:
        self.done.set()
        self.thread.join(180)


def until(condition) -> None:
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_below_and_at_the_limit_queries_run_at_once_and_above_it_they_are_refused():
    slots = Slots(3, 3, wait_s=0.01)
    held = [slots.take(name) for name in ("a", "b", "c")]
    assert slots.running == 3
    with pytest.raises(ServiceBusy, match="try again") as refused:
        slots.take("d")
    assert not isinstance(refused.value, VisitorBusy)
    assert refused.value.retry_after_s >= 1
    held[0]()
    slots.take("d")()


def test_one_visitor_has_no_more_than_a_share_and_others_do_not_wait():
    slots = Slots(4, 2, wait_s=0.01)
    held = [slots.take("many") for _ in range(2)]
    with pytest.raises(VisitorBusy, match="2 queries of yours run already"):
        slots.take("many")
    slots.take("other")()
    for release in held:
        release()
    assert slots.running == 0
    slots.take("many")()


def test_a_slot_given_back_twice_counts_once():
    slots = Slots(2, 2, wait_s=0.01)
    first, second = slots.take("a"), slots.take("a")
    first()
    first()
    assert slots.running == 1
    second()


def test_the_service_itself_may_have_every_slot():
    slots = Slots(2, 1, wait_s=0.01)
    slots.take("")
    slots.take("")
    assert slots.running == 2


def test_places_in_the_queue_of_a_visitor_are_limited():
    slots = Slots(1, 1, wait_s=20, waiting_per_visitor=2)
    order: list[str] = []
    askers = [Asker(slots, "a", order)]
    until(lambda: order)
    for number in (1, 2):
        askers.append(Asker(slots, "a", order))
        until(lambda number=number: slots._waiting == number)
    with pytest.raises(VisitorBusy):
        slots.take("a")
    for asker in askers:
        asker.end()
    assert order == ["a"] * 3


def test_threads_that_wait_are_limited_but_everybody_may_wait_once():
    slots = Slots(1, 1, wait_s=20, waiting=1)
    order: list[str] = []
    askers = [Asker(slots, "a", order)]
    until(lambda: order)
    askers.append(Asker(slots, "a", order))
    until(lambda: slots._waiting == 1)
    with pytest.raises(ServiceBusy):
        slots.take("a")
    askers.append(Asker(slots, "b", order))
    until(lambda: slots._waiting == 2)
    for asker in askers:
        asker.end()
    assert sorted(order) == ["a", "a", "b"]


def test_one_request_goes_before_the_hundred_of_another_visitor():
    slots = Slots(2, 2, wait_s=20, waiting_per_visitor=100)
    order: list[str] = []
    running = [Asker(slots, "many", order) for _ in range(2)]
    until(lambda: len(order) == 2)
    waiting = [Asker(slots, "many", order) for _ in range(50)]
    until(lambda: slots._waiting == 50)
    one = Asker(slots, "one", order)
    until(lambda: slots._waiting == 51)
    running[0].end()
    until(lambda: len(order) == 3)
    assert order[2] == "one"
    one.end()
    running[1].end()
    for asker in waiting:
        asker.done.set()
    for asker in waiting:
        asker.thread.join(180)
    assert slots.running == 0


@given(st.lists(st.sampled_from(["a", "b", "c", "end a", "end b", "end c"]), max_size=40))
def test_no_limit_is_passed_and_no_slot_is_lost_whatever_happens(events):
    slots = Slots(4, 2, wait_s=0)
    held: dict[str, list] = {"a": [], "b": [], "c": []}
    for event in events:
        if event.startswith("end "):
            if held[event[4:]]:
                held[event[4:]].pop()()
            continue
        taken = sum(map(len, held.values()))
        if taken < 4 and len(held[event]) < 2:
            held[event].append(slots.take(event))
        else:
            with pytest.raises(ServiceBusy):
                slots.take(event)
        assert slots.running == sum(map(len, held.values()))
