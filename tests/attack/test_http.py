"""Bytes of every kind are answered with a refusal, soon, and never with an error of ours."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lotkin.auth import middleware
from lotkin.auth.permissions import Role
from lotkin.portal import listening as listens
from tests.attack import http, service
from tests.interop.tools import listening

BODIES = 400
CUT_S = 0.6


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """The address of a service, a viewer's token and an operator's; deadlines are short."""
    site = service.settings(tmp_path_factory.mktemp("site"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(middleware, "BODY_S", CUT_S)
        patch.setattr(listens, "HEADER_S", CUT_S)
        with listening(service.app(site), **listens.options()) as url:
            yield url, service.token(site, Role.VIEWER), service.token(site, Role.OPERATOR)


@pytest.fixture
def client(address: tuple[str, str, str]) -> Iterator[httpx.Client]:
    url, viewer, _ = address
    headers = {"authorization": f"Bearer {viewer}"}
    with httpx.Client(base_url=url, headers=headers, timeout=http.CLIENT_S) as made:
        yield made


def test_random_bodies_are_never_an_error_of_ours(client: httpx.Client) -> None:
    found = http.random_bodies(client, BODIES)
    assert sum(found.values()) == BODIES
    assert all(status < 500 for status in found)


@pytest.mark.parametrize("size", [256 * 1024 + 1, 5_000_000])
def test_a_body_above_256_kib_is_refused(client: httpx.Client, size: int) -> None:
    assert http.large(client, size) == 413


def test_who_captures_may_send_more(address: tuple[str, str, str]) -> None:
    url, _, operator = address
    headers = {"authorization": f"Bearer {operator}"}
    with httpx.Client(base_url=url, headers=headers, timeout=http.CLIENT_S) as made:
        assert http.large(made, 1_000_000) == 400  # read, and no JSON
        assert http.large(made, 17 * 1024 * 1024) == 413


def test_compressed_bodies_are_not_unpacked(client: httpx.Client) -> None:
    assert http.compressed(client, 10**6) == 415


def test_a_body_that_drips_is_cut_in_time(address: tuple[str, str, str]) -> None:
    assert http.slow_body(address[0]) < CUT_S + http.LATE_S


def test_a_header_that_drips_is_cut_in_time(address: tuple[str, str, str]) -> None:
    assert http.slow_header(address[0]) < CUT_S + http.LATE_S


def test_a_header_without_end_is_cut(address: tuple[str, str, str]) -> None:
    assert http.endless_header(address[0]) < 64 * listens.HEADER_BYTES_MAX


def test_answers_carry_the_headers_that_bind_browsers(tmp_path: Path, client: httpx.Client) -> None:
    answer = client.post("/graphql", json={"query": "{ __typename }"})
    assert answer.headers["x-ratelimit-limit"].isdigit()
    assert "server" not in answer.headers
