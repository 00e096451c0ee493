"""The command line as a person meets it: what it says when something is missing or wrong."""

import os
import subprocess
import sys
from pathlib import Path


def lotkin(state: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line in an environment of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOTKIN_")}
    return subprocess.run(
        [sys.executable, "-m", "lotkin.cli", *arguments],
        env=kept | {"LOTKIN_STATE_DIR": str(state), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_capture_without_a_service_says_how_to_name_one(tmp_path: Path) -> None:
    answer = lotkin(tmp_path, "capture", "missing.json")
    assert answer.returncode == 1
    assert "lotkin run" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_capture_of_a_service_that_is_away_says_so(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text("[]")
    url = ("--url", "http://127.0.0.1:9", "--token", "x")
    answer = lotkin(tmp_path, "capture", str(file), *url)
    assert answer.returncode == 1
    assert "127.0.0.1:9 does not answer" in answer.stderr.replace("\n", " ")
    assert "Traceback" not in answer.stderr


def test_graph_commands_name_the_missing_setting(tmp_path: Path) -> None:
    answer = lotkin(tmp_path, "graph", "verify")
    assert answer.returncode == 1
    assert "LOTKIN_DATABASE_URL" in answer.stderr


def test_a_token_can_be_minted_for_every_known_role_only(tmp_path: Path) -> None:
    assert lotkin(tmp_path, "token", "operator").stdout.count(".") == 2
    refused = lotkin(tmp_path, "token", "emperor")
    assert refused.returncode == 2
    assert "quality_engineer" in refused.stderr


def test_help_teaches_the_first_step(tmp_path: Path) -> None:
    answer = lotkin(tmp_path, "--help")
    assert answer.returncode == 0
    assert "lotkin run" in answer.stdout
