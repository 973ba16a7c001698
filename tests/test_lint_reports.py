from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema  # type: ignore[import-untyped]
import pytest
from lint_outcomes import EVERYTHING, HOSTILE, RISKY, TWICE, make_finding, make_reported
from msgspec.structs import replace

from nbtools.lint.configuration import FORMATS
from nbtools.lint.outcome import Outcome, Physical, Reported
from nbtools.report.findings.diff import render_diff
from nbtools.report.findings.formats import render
from nbtools.report.findings.places import slashed
from nbtools.report.findings.style import Style
from nbtools.report.findings.totals import count_by_rule, summarize
from nbtools.rules.finding import Fix, Related, Span
from nbtools.rules.registry import rule_names


def report(name: str, *outcomes: Outcome, colour: bool = False) -> str:
    return "".join(f"{line}\n" for line in render(name, outcomes or EVERYTHING, Style(colour)))


def hostile() -> Outcome:
    """A finding whose every text is hostile."""
    related = (Related(Span(0, 2, 1, 2, 2), HOSTILE),)
    finding = make_finding(HOSTILE, symbol=HOSTILE, related=related, fix=Fix("safe", HOSTILE, ()))
    reported = make_reported(finding, cell_id=HOSTILE)
    lines = (f"a = '{HOSTILE}'", f"print({HOSTILE!r}, '{HOSTILE}')")
    return Outcome(f"{HOSTILE}.ipynb", "checked", (replace(reported, lines=lines),))


FULL = """\
nb/a.ipynb:cell 3:2:7: NB101 `y` is used but no cell defines it
  |
1 | x = 1
2 | print(y)
  |       ^ NB101
  |

nb/a.ipynb:cell 3:2:7: NB201 `y` is defined in cells 1 and 3
  |
1 | x = 1
2 | print(y)
  |       ^ NB201
  |
  ::: cell 1:2:1: `y` is first defined here
  |
2 | y = 0
  | ^
  |
  = Rename the name (--fix --unsafe-fixes)

nb/c.py:31:13: NB101 [*] `y` is used but no cell defines it
   |
30 | x = 1
31 | print(y)
   |       ^ NB101
   |
  = Remove the name (--fix)

"""
CONCISE = """\
nb/a.ipynb:cell 3:2:7: NB101 `y` is used but no cell defines it
nb/a.ipynb:cell 3:2:7: NB201 `y` is defined in cells 1 and 3
nb/c.py:31:13: NB101 [*] `y` is used but no cell defines it
"""
GROUPED = """\
nb/a.ipynb:
  cell 3:2:7  NB101 `y` is used but no cell defines it
  cell 3:2:7  NB201 `y` is defined in cells 1 and 3

nb/c.py:
  31:13  NB101 [*] `y` is used but no cell defines it

"""
GITHUB = """\
::error title=nbtools (NB101),file=nb/a.ipynb,line=31,col=13,endColumn=14,endLine=31\
::nb/a.ipynb:cell 3:2:7: NB101 `y` is used but no cell defines it
::warning title=nbtools (NB201),file=nb/a.ipynb,line=31,col=13,endColumn=14,endLine=31\
::nb/a.ipynb:cell 3:2:7: NB201 `y` is defined in cells 1 and 3
::error title=nbtools,file=nb/broken.ipynb::nb/broken.ipynb: expected JSON, found 'not a'
::notice title=nbtools (NB101),file=nb/c.py,line=31,col=13,endColumn=14,endLine=31\
::nb/c.py:31:13: NB101 `y` is used but no cell defines it
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [("full", FULL), ("concise", CONCISE), ("grouped", GROUPED), ("github", GITHUB)],
    ids=lambda value: value if len(value) < 10 else "",
)
def test_reports_in_lines(name: str, expected: str) -> None:
    assert report(name) == expected


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_text_is_never_passed_on_as_it_is(name: str) -> None:
    text = report(name, hostile(), Outcome(HOSTILE, "failed", reason=HOSTILE))
    assert all(char.isprintable() or char == "\n" for char in text)
    text.encode()
    if name not in ("github", "junit"):
        return
    commands = text.splitlines() if name == "github" else []
    assert all(line.startswith("::error ") for line in commands)


def test_colours_are_the_only_difference_they_make() -> None:
    for name in ("full", "concise", "grouped"):
        plain, coloured = report(name), report(name, colour=True)
        assert "\x1b[1;31mNB101\x1b[0m" in coloured or name == "full"
        assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == plain


class TestFull:
    def lines(self, source: str, column: int, end: int, line: int = 1) -> list[str]:
        finding = make_finding(span=Span(0, line, column, line, end))
        reported = Reported(finding, Physical(1, 1, 1, 1), tuple(source.split("\n")))
        return report("full", Outcome("a.ipynb", "checked", (reported,))).splitlines()[2:-2]

    def test_a_tab_is_four_columns(self) -> None:
        assert self.lines("\tprint(y)", 8, 9) == ["1 |     print(y)", "  |           ^ NB101"]

    def test_wide_characters_take_two_columns(self) -> None:
        assert self.lines("'中文', y", 7, 8) == ["1 | '中文', y", "  |         ^ NB101"]

    def test_an_escape_sequence_is_shown_escaped_and_counted(self) -> None:
        assert self.lines("'\x1b', y", 6, 7) == ["1 | '\\x1b', y", "  |         ^ NB101"]

    def test_a_long_line_is_cut_around_the_place(self) -> None:
        text, mark = self.lines("a" * 300 + " y " + "b" * 300, 302, 303)
        assert text.startswith("1 | …a")
        assert text.endswith("b…")
        assert text[mark.index("^")] == "y"
        assert len(text) < 140

    def test_a_place_of_many_lines_is_underlined_to_the_end_of_its_first(self) -> None:
        finding = make_finding(span=Span(0, 1, 3, 2, 4))
        reported = Reported(finding, Physical(1, 1, 2, 1), ("f(a,", "  b)"))
        text = report("full", Outcome("a.ipynb", "checked", (reported,)))
        assert "1 | f(a,\n  |   ^^ NB101\n2 |   b)\n" in text

    def test_a_place_without_source_is_its_line_alone(self) -> None:
        reported = replace(make_reported(), lines=())
        text = report("full", Outcome("a.ipynb", "checked", (reported,)))
        assert text == "a.ipynb:cell 3:2:7: NB101 `y` is used but no cell defines it\n\n"

    def test_another_place_without_excerpt_is_named(self) -> None:
        reported = replace(make_reported(TWICE), related=())
        text = report("full", Outcome("a.ipynb", "checked", (reported,)))
        assert "\n  ::: cell 1:2: `y` is first defined here\n" in text


class TestJson:
    def test_the_document(self) -> None:
        document = json.loads(report("json"))
        assert [each["code"] for each in document] == ["NB101", "NB201", "NB001", "NB101"]
        assert document[2]["filename"] == "nb/broken.ipynb"
        assert document[2]["message"] == "expected JSON, found 'not a'"
        assert document[2].keys() == document[0].keys()

    def test_a_finding(self) -> None:
        assert json.loads(report("json"))[1] == {
            "cell": 3,
            "cell_id": None,
            "code": "NB201",
            "name": rule_names()["NB201"],
            "severity": "warning",
            "filename": "nb/a.ipynb",
            "location": {"row": 2, "column": 7},
            "end_location": {"row": 2, "column": 8},
            "physical_location": {"row": 31, "column": 13},
            "physical_end_location": {"row": 31, "column": 14},
            "message": "`y` is defined in cells 1 and 3",
            "symbol": "y",
            "fix": {
                "applicability": "unsafe",
                "message": "Rename the name",
                "edits": [
                    {
                        "cell": 3,
                        "content": "z",
                        "location": {"row": 2, "column": 7},
                        "end_location": {"row": 2, "column": 8},
                    }
                ],
                "document_edits": [],
            },
            "related": [
                {
                    "cell": 1,
                    "message": "`y` is first defined here",
                    "location": {"row": 2, "column": 1},
                    "end_location": {"row": 2, "column": 2},
                    "physical_location": {"row": 12, "column": 7},
                }
            ],
        }

    def test_lines_hold_the_same_findings(self) -> None:
        lines = [json.loads(line) for line in report("json-lines").splitlines()]
        assert lines == json.loads(report("json"))


class TestGitlab:
    def test_a_finding(self) -> None:
        first = json.loads(report("gitlab"))[0]
        fingerprint = first.pop("fingerprint")
        assert re.fullmatch("[0-9a-f]{32}", fingerprint)
        assert first == {
            "check_name": "NB101",
            "description": "nb/a.ipynb:cell 3:2:7: NB101 `y` is used but no cell defines it",
            "severity": "major",
            "location": {"path": "nb/a.ipynb", "lines": {"begin": 31, "end": 31}},
        }

    def fingerprints(self, *reported: Reported) -> list[str]:
        document = json.loads(report("gitlab", Outcome("a.ipynb", "checked", reported)))
        return [each["fingerprint"] for each in document]

    def test_a_fingerprint_outlives_lines_added_above(self) -> None:
        moved = replace(
            make_reported(make_finding(span=Span(7, 9, 1, 9, 2))), physical=Physical(99, 1, 99, 2)
        )
        assert self.fingerprints(make_reported()) == self.fingerprints(moved)

    def test_findings_that_are_alike_have_fingerprints_of_their_own(self) -> None:
        others = [
            make_reported(),
            make_reported(make_finding(symbol="z")),
            make_reported(make_finding(code="NB102")),
            make_reported(cell_id="ab12"),
            make_reported(source_hash="0"),
        ]
        assert len({*self.fingerprints(make_reported(), *others)}) == 6


# What SARIF 2.1.0 says of the properties that are used here, and of no others, in JSON Schema.
# The official schema is not ours to ship: test_official_schemas.py fetches it where it can.
_TEXT = {"type": "string"}
_NUMBER = {"type": "integer", "minimum": 1}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | optional,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "uniqueItems": False}


_MESSAGE = _object({"text": _TEXT})
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_ARTIFACT = _object({"uri": {"type": "string", "pattern": r"^[!-~]*$"}})
_REGION = _object({"startLine": _NUMBER}, startColumn=_NUMBER, endLine=_NUMBER, endColumn=_NUMBER)
_LOGICAL = _object({}, name=_TEXT, fullyQualifiedName=_TEXT, decoratedName=_TEXT, kind=_TEXT)
_LOCATION = _object(
    {},
    id={"type": "integer", "minimum": -1},
    message=_MESSAGE,
    physicalLocation=_object({}, artifactLocation=_ARTIFACT, region=_REGION),
    logicalLocations=_list(_LOGICAL),
)
_RULE = _object(
    {"id": _TEXT},
    name=_TEXT,
    shortDescription=_MESSAGE,
    fullDescription=_MESSAGE,
    help=_MESSAGE,
    defaultConfiguration=_object({}, level=_LEVEL),
)
_RESULT = _object(
    {"message": _MESSAGE},
    ruleId=_TEXT,
    ruleIndex={"type": "integer", "minimum": -1},
    level=_LEVEL,
    locations=_list(_LOCATION),
    relatedLocations=_list(_LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": _TEXT},
)
_NOTIFICATION = _object({"message": _MESSAGE}, level=_LEVEL, locations=_list(_LOCATION))
_RUN = _object(
    {"tool": _object({"driver": _object({"name": _TEXT}, version=_TEXT, rules=_list(_RULE))})},
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=_list(_RESULT),
    invocations=_list(
        _object(
            {"executionSuccessful": {"type": "boolean"}},
            toolExecutionNotifications=_list(_NOTIFICATION),
        )
    ),
)
SARIF = _object({"version": {"enum": ["2.1.0"]}, "runs": _list(_RUN)}, **{"$schema": _TEXT})


class TestSarif:
    @pytest.mark.parametrize("outcomes", [EVERYTHING, (hostile(),), EVERYTHING[1:2]])
    def test_the_log_has_the_shape_of_the_standard(self, outcomes: tuple[Outcome, ...]) -> None:
        jsonschema.validate(json.loads(report("sarif", *outcomes)), SARIF)

    def test_a_result(self) -> None:
        run = json.loads(report("sarif"))["runs"][0]
        result = run["results"][1]
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"] == "NB201"
        assert result["level"] == "warning"
        place = result["locations"][0]
        assert place["physicalLocation"] == {
            "artifactLocation": {"uri": "nb/a.ipynb"},
            "region": {"startLine": 31, "startColumn": 13, "endLine": 31, "endColumn": 14},
        }
        assert place["logicalLocations"] == [
            {"name": "cell 3", "fullyQualifiedName": "nb/a.ipynb:cell 3:2:7", "kind": "cell"}
        ]
        assert list(result["partialFingerprints"]) == ["nbtools/v1"]
        assert result["relatedLocations"][0]["message"] == {"text": "`y` is first defined here"}

    def test_what_was_not_checked_is_told(self) -> None:
        invocation = json.loads(report("sarif"))["runs"][0]["invocations"][0]
        assert invocation["executionSuccessful"] is False
        levels = [each["level"] for each in invocation["toolExecutionNotifications"]]
        assert levels == ["note", "error"]


# What junit-10.xsd of Jenkins' xunit plugin allows and requires, element by element.
JUNIT: dict[str, tuple[set[str], set[str], set[str]]] = {  # required, optional, children
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"skipped", "time", "timestamp", "hostname", "id", "package", "file"},
        {"testcase", "properties"},
    ),
    "testcase": ({"name"}, {"classname", "time"}, {"failure", "error", "skipped"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
}


class TestJunit:
    @pytest.mark.parametrize("outcomes", [EVERYTHING, (hostile(),), EVERYTHING[1:2]])
    def test_the_document_has_the_shape_that_ci_systems_read(
        self, outcomes: tuple[Outcome, ...]
    ) -> None:
        root = ElementTree.fromstring(report("junit", *outcomes))
        assert root.tag == "testsuites"
        for element in root.iter():
            required, optional, children = JUNIT[element.tag]
            assert required <= set(element.attrib) <= required | optional
            assert {child.tag for child in element} <= children

    def test_its_numbers_are_those_of_its_cases(self) -> None:
        root = ElementTree.fromstring(report("junit"))
        for element in (root, *root.iter("testsuite")):
            assert int(element.get("tests", "")) == len(list(element.iter("testcase")))
            assert int(element.get("failures", "")) == len(list(element.iter("failure")))
            assert int(element.get("errors", "")) == len(list(element.iter("error")))

    def test_a_case(self) -> None:
        suites = ElementTree.fromstring(report("junit")).findall("testsuite")
        assert [suite.get("name") for suite in suites] == [
            "nb/a.ipynb",
            "nb/b.ipynb",
            "nb/r.ipynb",
            "nb/broken.ipynb",
            "nb/c.py",
        ]
        case = suites[0][0]
        assert case.attrib == {"name": "NB101 nb/a.ipynb:cell 3:2:7", "classname": "nb/a"}
        assert [child.tag for suite in suites for case in suite for child in case] == [
            "failure",
            "failure",
            "skipped",
            "error",
            "failure",
        ]


class TestLastLine:
    @pytest.mark.parametrize(
        ("outcomes", "expected"),
        [
            ((), "No notebooks found in here, there"),
            (EVERYTHING[4:5], "No notebooks found in here, there"),
            (EVERYTHING[1:2], "The notebook passed."),
            (EVERYTHING[1:2] * 2, "All 2 notebooks passed."),
            (EVERYTHING[1:3], "1 of 2 notebooks passed (1 skipped: R notebook)."),
            (EVERYTHING[2:3], "No notebook was checked (1 skipped: R notebook)."),
            (EVERYTHING[3:4], "No notebook was checked (1 could not be checked)."),
            (
                EVERYTHING,
                "Found 3 problems in 2 of 5 notebooks (1 skipped: R notebook; "
                "1 could not be checked).",
            ),
            ((replace(EVERYTHING[1], fixed=2),), "Fixed 2 problems. The notebook passed."),
        ],
    )
    def test_it_says_what_was_checked(self, outcomes: tuple[Outcome, ...], expected: str) -> None:
        assert next(summarize(outcomes, ["here", "there"])) == expected

    def test_it_says_what_can_be_fixed(self) -> None:
        assert list(summarize(EVERYTHING, []))[1:] == [
            "1 can be fixed with --fix, 1 more with --fix --unsafe-fixes."
        ]
        risky = Outcome("a.ipynb", "checked", (make_reported(make_finding(fix=RISKY)),))
        assert list(summarize([risky], []))[1:] == ["1 can be fixed with --fix --unsafe-fixes."]

    def test_reasons_are_shown_harmless(self) -> None:
        skipped = Outcome("a.ipynb", "skipped", reason=HOSTILE)
        assert all(line.isprintable() for line in summarize([skipped], [HOSTILE]))


def test_statistics_begin_with_the_most_frequent_rule() -> None:
    counted = count_by_rule(EVERYTHING)
    assert [(number, code) for number, code, _ in counted] == [(2, "NB101"), (1, "NB201")]
    assert counted[0][2] == "undefined-name"


def test_paths_are_told_from_the_current_folder_with_slashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert slashed(str(tmp_path / "nb" / "a.ipynb")) == "nb/a.ipynb"
    assert slashed("./a.ipynb") == "a.ipynb"
    assert slashed(str(tmp_path.parent / "a.ipynb")) == (tmp_path.parent / "a.ipynb").as_posix()
    assert slashed("-") == "-"


def notebook(*sources: str) -> bytes:
    cells = [{"cell_type": "code", "source": source, "metadata": {}} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()


class TestDiff:
    def test_each_cell_has_a_header_of_its_own(self) -> None:
        mended = Outcome("nb.ipynb", "checked", text=notebook("a", "b\nd", "f"))
        assert list(render_diff(mended, notebook("a", "b\nc", "e"))) == [
            "--- nb.ipynb:cell 2",
            "+++ nb.ipynb:cell 2",
            "@@ -1,2 +1,2 @@",
            " b",
            "-c",
            "+d",
            "",
            "--- nb.ipynb:cell 3",
            "+++ nb.ipynb:cell 3",
            "@@ -1 +1 @@",
            "-e",
            "+f",
            "",
        ]

    def test_a_python_file_is_compared_as_a_whole(self) -> None:
        mended = Outcome("nb.py", "checked", text=b"x = 2\n", is_notebook=False)
        lines = list(render_diff(mended, b"x = 1\n"))
        assert lines[:2] == ["--- nb.py", "+++ nb.py"]
        assert ["-x = 1", "+x = 2"] in [list(pair) for pair in pairwise(lines)]

    def test_nothing_changed_is_nothing(self) -> None:
        assert list(render_diff(Outcome("a.ipynb", "checked"), b"")) == []

    def test_what_changes_beside_the_sources(self) -> None:
        def document(*cells: dict[str, object], **metadata: object) -> bytes:
            return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}).encode()

        def code(source: str, *outputs: str) -> dict[str, object]:
            return {"cell_type": "code", "source": source, "outputs": [*outputs]}

        before = document(code("a"), code(""), code("b", "x" * 999), code(" "), widgets={})
        after = document(code("a"), code("b"))
        lines = list(render_diff(Outcome("a.ipynb", "checked", text=after), before))

        assert lines[:6] == [
            "--- a.ipynb:cell 2",
            "+++ a.ipynb:cell 2 (deleted)",
            "",
            "--- a.ipynb:cell 4",
            "+++ a.ipynb:cell 4 (deleted)",
            "",
        ]
        text = "\n".join(lines[6:])
        assert '-  "widgets": {}' in text
        assert "--- a.ipynb:cell 3\n" in text
        assert '- "outputs": "1 outputs"\n+ "outputs": "0 outputs"' in text

    def test_a_cell_that_was_moved(self) -> None:
        mended = Outcome("a.ipynb", "checked", text=notebook("c", "a", "B"))
        assert list(render_diff(mended, notebook("a", "b", "c"))) == [
            "--- a.ipynb:cell 2",
            "+++ a.ipynb:cell 2",
            "@@ -1 +1 @@",
            "-b",
            "+B",
            "",
            "--- a.ipynb:cell 3",
            "+++ a.ipynb:cell 3 (moved up: cell 1)",
            "",
        ]

    def test_what_is_no_notebook_is_not_compared(self) -> None:
        assert list(render_diff(Outcome("a.ipynb", "checked", text=b"{"), b"{")) == []
