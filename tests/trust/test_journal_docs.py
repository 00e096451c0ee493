"""The worked example of docs/journal.md is run as it stands; the killed sequencer, in small."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lotkin.domain.evidence import Flaw
from tests.trust.journals import Log

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "journal.md").read_text(encoding="utf-8")
CONSOLE = re.search(r"```console\n(.*?)```", TEXT, re.DOTALL)


def steps() -> list[tuple[str, str]]:
    """Return (command, printed) of the example."""
    assert CONSOLE is not None
    found = re.split(r"^\$ ", CONSOLE.group(1), flags=re.MULTILINE)[1:]
    return [(each.partition("\n")[0], each.partition("\n")[2]) for each in found]


def shell(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a command as a reader would; return what it prints."""
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


async def test_the_worked_example_prints_what_the_page_says(log: Log, tmp_path: Path) -> None:
    await log.tell_story()
    environment = os.environ | {
        "LOTKIN_DATABASE_URL": log.services.database.url,
        "LOTKIN_STATE_DIR": str(log.services.settings.state_dir),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "200",
    }
    told = steps()
    assert len(told) >= 6
    for command, printed in told:
        command = command.replace(
            "unzip -q all.zip verify.py", f"{sys.executable} -m zipfile -e all.zip ."
        )
        assert shell(command, tmp_path, environment) == printed, command


def test_every_finding_is_explained() -> None:
    assert [each.value for each in Flaw if f"`{each.value}`" not in TEXT] == []


@pytest.mark.parametrize("kills", [8])
def test_a_killed_sequencer_leaves_no_gap(kills: int) -> None:
    command = [sys.executable, "-m", "tests.crash.sequencer", "--kills", str(kills)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
