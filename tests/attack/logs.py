"""What refused operations leave in the log: one short line, and nothing that was sent.

`python -m tests.attack.logs` prints the largest number of bytes and how many canaries were found.
"""

import asyncio
import io
import json
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from lotkin.app import configure_logging
from lotkin.auth.permissions import Role
from tests.attack import service
from tests.attack.documents import hostile

LINE_BYTES_MAX = 2_048
CANARY = "canary7f3a"


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Collect all that is logged, as the service writes it."""
    written = io.StringIO()
    kept = structlog.get_config()
    configure_logging()
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(written), cache_logger_on_first_use=False
    )
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    try:
        yield written
    finally:
        logging.getLogger().removeHandler(handler)
        structlog.configure(**kept)


def telling() -> Iterator[dict[str, Any]]:
    """Operations that carry something secret in every place that can hold it."""
    yield {"query": f"{{ {CANARY} }}"}
    yield {"query": f'{{ viewer(x: "{CANARY}") {{ name }} }}'}
    yield {"query": f'{{ scan(text: {{a: "{CANARY}"}}) {{ lot }} }}'}
    yield {"query": f"# {CANARY}\nquery {{"}
    yield {"query": f'{{ "{CANARY}" }}'}
    yield {
        "query": "query($a: Int!) { alerts(first: $a) { totalCount } }",
        "variables": {"a": CANARY},
    }
    yield {
        "query": "query($by: ItemLookup!) { item(by: $by) { id } }",
        "variables": {"by": {"key": CANARY, CANARY: CANARY}},
    }
    yield {"query": "{ __typename }", "operationName": CANARY}
    yield {"query": f"query {CANARY} {{ nope }}"}
    yield {"query": "{ __typename }", "variables": CANARY}
    yield {"documentId": f"sha256:{CANARY}"}
    yield {"query": 'mutation { captureEvents(input: {document: "' + CANARY + '"}) { captured } }'}


async def written_by(client: Any, written: io.StringIO, body: dict[str, Any]) -> str:
    """Return what one operation leaves in the log."""
    before = len(written.getvalue())
    headers = {"content-type": "application/json"}
    await client.post("/graphql", content=json.dumps(body).encode(), headers=headers)
    return written.getvalue()[before:]


async def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        site = service.settings(Path(name))
        most = found = count = 0
        with logged() as written:
            for bearer in (
                service.token(site, Role.VIEWER),
                service.token(site, Role.VIEWER, developer=True),
                f"{CANARY}.{CANARY}.{CANARY}",
            ):
                async with service.client(site, bearer) as client:
                    for body in [each for _, each in hostile()] + list(telling()):
                        told = await written_by(client, written, body)
                        most, count = max(most, len(told.encode())), count + 1
                        found += CANARY in told or bearer in told
    print(
        f"Q7: {count} refused operations: at most {most} bytes logged each "
        f"(at most {LINE_BYTES_MAX}), {found} with anything of what was sent"
    )


if __name__ == "__main__":
    asyncio.run(main())
