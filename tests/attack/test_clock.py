"""A clock that is wrong, jumps or changes its zone fails closed; order never comes from it.

The clock is the product's one module for it, moved by ten minutes; `faketime` would move those of
the servers too, whose own clocks decide what is written.
"""

import os
import time

import pytest

from lotkin import clock
from lotkin.auth import demo
from lotkin.auth.permissions import Role
from lotkin.auth.tokens import TokenVerifier
from lotkin.errors import Refusal
from lotkin.resolvers.metering import Meter
from lotkin.settings import RoleLimits, Settings

TEN_MINUTES_US = 600 * 1_000_000


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """By how many microseconds the clock is wrong."""
    by = {"us": 0}
    real = clock.now_us
    monkeypatch.setattr(clock, "now_us", lambda: real() + by["us"])
    return by


def refused(site: Settings, token: str) -> str | None:
    """Why a token is refused; None where it is accepted."""
    try:
        TokenVerifier(site).actor(token)
    except Refusal as refusal:
        return refusal.detail
    return None


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(state_dir=tmp_path_factory.mktemp("site"))


def test_a_clock_ten_minutes_fast_ends_tokens_early(site: Settings, moved: dict[str, int]) -> None:
    short = demo.mint(site, Role.VIEWER, subject="v", name="V", lifetime_s=300)
    assert refused(site, short) is None
    moved["us"] = TEN_MINUTES_US
    assert refused(site, short) is not None


def test_a_clock_ten_minutes_slow_accepts_nothing_from_its_future(
    site: Settings, moved: dict[str, int]
) -> None:
    token = demo.mint(site, Role.VIEWER, subject="v", name="V", lifetime_s=300)
    moved["us"] = -TEN_MINUTES_US
    assert refused(site, token) is not None


def test_a_token_of_a_slow_issuer_lives_no_longer(site: Settings, moved: dict[str, int]) -> None:
    moved["us"] = -TEN_MINUTES_US
    old = demo.mint(site, Role.VIEWER, subject="v", name="V", lifetime_s=300)
    moved["us"] = 0
    assert refused(site, old) is not None


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York", "right/UTC", "UTC"])
def test_a_change_of_zone_changes_nothing(
    site: Settings, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = demo.mint(site, Role.VIEWER, subject="v", name="V")
    before = clock.now_us()
    kept = os.environ.get("TZ")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert refused(site, token) is None
        assert 0 <= clock.now_us() - before < 10_000_000
        assert clock.now().utcoffset() is not None
        assert clock.to_us(clock.now()) - clock.now_us() < 1_000_000
    finally:
        monkeypatch.delenv("TZ") if kept is None else monkeypatch.setenv("TZ", kept)
        time.tzset()


def test_ids_keep_their_order_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time_ns
    before = [clock.new_id() for _ in range(100)]
    monkeypatch.setattr(time, "time_ns", lambda: real() - TEN_MINUTES_US * 1_000)
    after = [clock.new_id() for _ in range(100)]
    assert before + after == sorted(before + after)


def test_a_clock_that_goes_back_gives_nobody_a_new_allowance(moved: dict[str, int]) -> None:
    meter, limits = Meter(), RoleLimits(operations_per_minute=1)
    meter.operation("somebody", limits)
    for jump in (TEN_MINUTES_US, -TEN_MINUTES_US):
        moved["us"] = jump
        with pytest.raises(Refusal, match="RATE_LIMITED"):
            meter.operation("somebody", limits)
