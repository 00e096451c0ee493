"""Apollo's suite for subgraphs of Federation v2, and the composition of our own schema.

The gateway and composition packages are used here only; nothing of them is shipped.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from strawberry.printer import print_schema

from lotkin import schema
from lotkin.auth.permissions import Role
from lotkin.graph.relational import RelationalReader
from lotkin.records.session import Database
from lotkin.resolvers.context import Services
from lotkin.settings import Settings
from tests.attack import service as attacked
from tests.interop import tools
from tests.interop.federation import products

FOLDER = tools.HERE / "federation"
SUITE = FOLDER / "node_modules/@apollo/federation-subgraph-compatibility-tests/dist"
STARTED_S = 60.0
CONFIG = {
    "testEnvironment": "node",
    "testPathIgnorePatterns": [],
    "haste": {"retainAllFiles": True},
}


def main() -> None:
    """Run the suite and the composition, print the figures."""
    tools.node_packages(FOLDER)
    with tempfile.TemporaryDirectory() as name:
        sdl = Path(name) / "ours.graphql"
        sdl.write_text(print_schema(schema.build()))
        composed = json.loads(tools.node(FOLDER / "compose.mjs", str(sdl)).strip().splitlines()[-1])
        passed, failed = _suite(Path(name))
    tools.judge({
        "composition of our schema with another": (f"{composed['errors']} errors",
                                                   composed["errors"] == 0),
        "Apollo's subgraph suite": (f"{passed} passed, {failed} failed",
                                    passed > 0 and failed == 0),
    })  # fmt: skip


def _suite(folder: Path) -> tuple[int, int]:
    site = attacked.settings(folder)
    nowhere = Database("postgresql://nobody@127.0.0.1:9/nothing")
    services = Services(site, nowhere, RelationalReader(nowhere.engine), None)
    endpoint = products.Endpoint(products.build(), services)
    app = _as_developer(attacked.layered(endpoint, site), site)
    with ExitStack() as stack:
        address = stack.enter_context(tools.listening(app))
        for name, port in (("users", 4002), ("inventory", 4003)):
            place = SUITE / "subgraphs" / name
            stack.enter_context(_running(place / "index.js", port))
        files = [str(SUITE / "subgraphs" / each / f"{each}.graphql")
                 for each in ("users", "inventory")]  # fmt: skip
        stack.enter_context(_running(FOLDER / "gateway.mjs", 4000, address, *files))
        return _jest(address)


def _as_developer(app: Any, site: Settings) -> Any:
    """Let the suite, which knows no tokens, ask as somebody who may see the schema."""
    token = attacked.token(site, Role.VIEWER, developer=True)
    header = (b"authorization", f"Bearer {token}".encode())

    async def asked(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], header]}
        await app(scope, receive, send)

    return asked


@contextmanager
def _running(script: Path, port: int, *arguments: str) -> Iterator[None]:
    """Run a server of Node until the block ends."""
    node = tools.required("node", "the federation suite is")
    process = subprocess.Popen([node, str(script), *arguments], cwd=script.parent,
                               stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        end = time.monotonic() + STARTED_S
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"{script.name} did not start on port {port}")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _jest(address: str) -> tuple[int, int]:
    jest = FOLDER / "node_modules/jest/bin/jest.js"
    done = subprocess.run(
        [tools.required("node", "the federation suite is"), str(jest), f"--rootDir={SUITE}",
         "--testMatch", "**/tests/*.test.js", "--config", json.dumps(CONFIG)],
        cwd=SUITE, env=tools.environment(PRODUCTS_URL=address + "/"), text=True,
        capture_output=True, check=False, timeout=300,
    )  # fmt: skip
    told = done.stderr + done.stdout
    found = re.search(r"^Tests:.*$", told, re.MULTILINE)
    if found is None or done.returncode:
        print(told[-6_000:])
    counts = re.findall(r"(\d+) (passed|failed)", found[0]) if found else []
    by_name = {name: int(count) for count, name in counts}
    return by_name.get("passed", 0), by_name.get("failed", 0)


if __name__ == "__main__":
    main()
