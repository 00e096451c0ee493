"""The commands of docs/signatures.md, run as they stand, release a lot with two people."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lotkin.auth.challenge import from_base64url, record_digest
from lotkin.auth.evidence import flaw_of
from lotkin.settings import Settings
from tests.flows.outside import Outside, own_database, serving

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "signatures.md").read_text(encoding="utf-8")

# Stands in for curl where there is none: what the page uses of it, no more.
CURL = f"""#!{sys.executable}
import sys, urllib.error, urllib.request
url = next(each for each in sys.argv[1:] if each.startswith("http"))
told = [sys.argv[n + 1] for n, each in enumerate(sys.argv) if each == "-H"]
headers = dict(each.split(": ", 1) for each in told) | {{"user-agent": "curl"}}
request = urllib.request.Request(url, sys.stdin.buffer.read(), headers)
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error
sys.stdout.write(answer.read().decode())
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with a curl."""
    folder = tmp_path / "bin"
    folder.mkdir()
    if shutil.which("curl") is None:
        (folder / "curl").write_text(CURL)
        (folder / "curl").chmod(0o755)
    return folder


def test_a_stranger_releases_a_lot_with_two_people(
    postgres_url: str, tmp_path: Path, tools: Path
) -> None:
    with own_database(postgres_url) as url:
        site = Settings(state_dir=tmp_path, database_url=url, position_wait_s=5)
        with serving(site) as service:
            told = run(service, tmp_path, tools)
            lines = exported(url)
    assert "Meaning: REVIEWED" in told
    assert '"code":"SIG_CONSUMED"' in told
    assert '"rule":"SAME_SIGNER"' in told
    assert '"status":"RELEASED"' in told
    assert '"state":"RELEASED"' in told
    assert '"valid":true' in told
    assert [line["meaning"] for line in lines] == ["REVIEWED", "RELEASED"]
    assert all(flaw(line) is None for line in lines)


def exported(url: str) -> list[dict[str, Any]]:
    """What `lotkin signatures export` writes."""
    done = subprocess.run(
        [sys.executable, "-m", "lotkin.cli", "signatures", "export"],
        env=os.environ | {"LOTKIN_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def flaw(line: dict[str, Any]) -> str | None:
    """What is wrong with an exported line by itself."""
    if record_digest({k: v for k, v in line.items() if k != "seal"}) != line["seal"]:
        return "SEAL"
    return flaw_of(line["payload"].encode(), from_base64url(line["digest"]), line["evidence"])


def run(service: Outside, state: Path, tools: Path) -> str:
    """Run every block of the page in one shell; return what it printed."""
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    environment = os.environ | {
        "LOTKIN_URL": service.url,
        "LOTKIN_STATE_DIR": str(state),
        "PATH": f"{Path(sys.executable).parent}:{tools}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["sh", "-eu", "-c", "\n".join(blocks)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
