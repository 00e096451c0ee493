"""Asks a running service over HTTP, as any client would."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from lotkin import clock

TIMEOUT_S = 60.0


class AskError(Exception):
    """A question was not answered; code is that of the service, if it gave one."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ask:
    """A service and the token to ask it with."""

    url: str
    token: str
    client: httpx.Client

    def __call__(self, query: str, **variables: Any) -> Mapping[str, Any]:
        """Return `data` of an answer. Raises: AskError."""
        try:
            response = self.client.post(
                f"{self.url}/graphql",
                json={"query": query, "variables": variables},
                headers={"authorization": f"Bearer {self.token}"},
                timeout=TIMEOUT_S,
            )
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise AskError(f"{self.url} does not answer ({error})") from error
        if answer.get("errors"):
            first = answer["errors"][0]
            raise AskError(first["message"], first.get("extensions", {}).get("code"))
        data: Mapping[str, Any] = answer["data"]
        return data

    def until(self, wait_s: float, codes: set[str], query: str, **variables: Any) -> None:
        """Ask again while the answer is one of the refusal codes. Raises: AskError after wait_s."""
        end = clock.elapsed() + wait_s
        while True:
            try:
                self(query, **variables)
            except AskError as error:
                if error.code not in codes or clock.elapsed() > end:
                    raise
            else:
                return
            time.sleep(0.2)
