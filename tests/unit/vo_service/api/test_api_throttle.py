import pytest

from vo_service.api.errors import TooManyRequests
from vo_service.api.throttle import Throttle


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_burst_is_answered_and_then_one_request_for_each_that_flows_in():
    clock = Clock()
    throttle = Throttle(per_minute=30, burst=3, clock=clock)
    for _ in range(3):
        throttle.count("ann")
    with pytest.raises(TooManyRequests) as caught:
        throttle.count("ann")
    assert caught.value.retry_after_s == 2
    assert caught.value.headers == {"Retry-After": "2"}
    clock.now += 2
    throttle.count("ann")
    with pytest.raises(TooManyRequests):
        throttle.count("ann")


def test_callers_do_not_use_up_what_others_have():
    throttle = Throttle(per_minute=1, burst=1, clock=Clock())
    throttle.count("ann")
    throttle.count("bob")
    with pytest.raises(TooManyRequests):
        throttle.count("ann")


def test_bucket_holds_no_more_than_the_burst_however_long_the_silence():
    clock = Clock()
    throttle = Throttle(per_minute=600, burst=2, clock=clock)
    throttle.count("ann")
    clock.now += 10_000
    throttle.count("ann")
    throttle.count("ann")
    with pytest.raises(TooManyRequests):
        throttle.count("ann")


def test_zero_sets_no_limit():
    throttle = Throttle(per_minute=0, burst=1)
    for _ in range(100):
        throttle.count("ann")
