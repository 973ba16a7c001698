"""Reports for machines against the schemas of those who read them, where a registry has them.

The schemas are not ours to ship. They come in packages of others: SARIF's in one of Microsoft's at
npm, the one of Jenkins' for JUnit in pytest's source distribution. Both stay in pytest's cache.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import xmlschema
from click.testing import CliRunner
from lint_outcomes import EVERYTHING
from test_lint_reports import hostile, report

from nbtools.cli import nbtools_command
from nbtools.lint.outcome import Outcome

WEATHER = Path(__file__).parents[1] / "fixtures" / "weather_station"
OUTCOMES = [EVERYTHING, (hostile(),), EVERYTHING[1:2], ()]
NPM = ("npm", "pack", "--silent", "@microsoft/jest-sarif@1.0.0-beta.0", "--pack-destination")
PIP = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "pytest")


def fetch(command: Sequence[str], name: str, config: pytest.Config) -> str:
    """The text of a file of a package; the test is skipped where no registry is in reach."""
    assert config.cache is not None
    kept = Path(config.cache.mkdir("schemas")) / name
    if not kept.exists():
        folder = config.cache.mkdir("packages")
        try:
            subprocess.run([*command, str(folder)], check=True, capture_output=True, timeout=180)
        except (OSError, subprocess.SubprocessError):
            pytest.skip(f"no registry gives the package with {name}")
        for archive in [*folder.glob("*.tgz"), *folder.glob("*.tar.gz")]:
            with tarfile.open(archive) as package:
                for member in package.getmembers():
                    if member.name.endswith(f"/{name}") and (file := package.extractfile(member)):
                        kept.write_bytes(file.read())
    return kept.read_text("utf-8")


@pytest.fixture(scope="module")
def sarif(pytestconfig: pytest.Config) -> jsonschema.Draft7Validator:
    """A validator of SARIF 2.1.0."""
    return jsonschema.Draft7Validator(
        json.loads(fetch(NPM, "sarif-2.1.0-rtm.5.json", pytestconfig))
    )


@pytest.fixture(scope="module")
def junit(pytestconfig: pytest.Config) -> xmlschema.XMLSchema:
    """The schema of Jenkins' xunit plugin."""
    return xmlschema.XMLSchema(fetch((*PIP, "pytest==8.3.4", "-d"), "junit-10.xsd", pytestconfig))


def run(*arguments: str) -> str:
    done = CliRunner().invoke(nbtools_command, arguments)
    return done.stdout


@pytest.mark.parametrize("outcomes", OUTCOMES)
def test_sarif(outcomes: tuple[Outcome, ...], sarif: jsonschema.Draft7Validator) -> None:
    sarif.validate(json.loads(report("sarif", *outcomes)))


def test_sarif_of_notebooks(sarif: jsonschema.Draft7Validator) -> None:
    written = run("lint", "--select", "ALL", "--output-format", "sarif", str(WEATHER))
    found = json.loads(written)
    assert found["runs"][0]["results"]
    sarif.validate(found)
    found["runs"][0]["results"][0]["level"] = "bad"
    with pytest.raises(jsonschema.ValidationError):
        sarif.validate(found)


@pytest.mark.parametrize("outcomes", OUTCOMES)
def test_junit(outcomes: tuple[Outcome, ...], junit: xmlschema.XMLSchema) -> None:
    junit.validate(report("junit", *outcomes))


@pytest.mark.parametrize("command", ["lint", "verify"])
def test_junit_of_notebooks(command: str, junit: xmlschema.XMLSchema) -> None:
    written = run(command, "--output-format", "junit", str(WEATHER))
    assert "<testcase" in written
    junit.validate(written)
    with pytest.raises(xmlschema.XMLSchemaException):
        junit.validate(written.replace("<testcase", "<testcast"))
