from __future__ import annotations

from pathlib import Path

import pytest

from nbtools.errors import NbtoolsError
from nbtools.lint.configuration import (
    KEYS,
    Configuration,
    Configurations,
    override,
    read_configuration,
)
from nbtools.lint.selectors import check_selectors
from nbtools.rules.registry import all_rules, find_rule, rule_names
from nbtools.rules.selectors import matching_codes


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


class TestWhichFile:
    def test_the_nearest_one_that_has_the_table(self, tmp_path: Path) -> None:
        top = write(tmp_path / "pyproject.toml", "[tool.nbtools]\nselect = ['NB1']\n")
        write(tmp_path / "a/pyproject.toml", "[project]\nname = 'nbtools-user'\n")
        near = write(tmp_path / "a/b/nbtools.toml", "target = 'jupyter'\n")
        configurations = Configurations()
        assert configurations.of_folder(tmp_path / "a").source == top
        assert configurations.of_folder(tmp_path / "a/b/c").source == near
        assert configurations.of_folder(tmp_path / "a/b").select is None  # nothing is merged

    def test_nbtools_toml_before_pyproject(self, tmp_path: Path) -> None:
        write(tmp_path / "pyproject.toml", "[tool.nbtools]\n")
        own = write(tmp_path / "nbtools.toml", "")
        assert Configurations().of_folder(tmp_path).source == own

    def test_none(self, tmp_path: Path) -> None:
        top = Configuration(target="jupyter")
        assert Configurations(top).of_folder(tmp_path) == top

    def test_one_for_all(self, tmp_path: Path) -> None:
        write(tmp_path / "nbtools.toml", "unknown = 1")
        fixed = Configuration(target="jupyter")
        assert Configurations(fixed=fixed).of_folder(tmp_path) == fixed


class TestExtend:
    def test_own_keys_win_and_lists_that_add_are_added(self, tmp_path: Path) -> None:
        write(
            tmp_path / "base.toml",
            "target = 'jupyter'\nfail-on = 'never'\nignore = ['NB2']\nexclude = ['old']\n",
        )
        path = write(
            tmp_path / "sub/nbtools.toml",
            "extend = '../base.toml'\nfail-on = 'info'\nignore = ['NB101']\n",
        )
        read = read_configuration(path)
        assert (read.source, read.target, read.fail_on) == (path, "jupyter", "info")
        assert read.ignore == ("NB2", "NB101")
        assert read.excludes(tmp_path / "old", True)

    def test_a_circle_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "nbtools.toml", "extend = 'nbtools.toml'\n")
        with pytest.raises(NbtoolsError, match="`extend` comes back to this file"):
            read_configuration(path)

    def test_a_file_without_the_table_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "pyproject.toml", "")
        with pytest.raises(NbtoolsError, match=r"there is no \[tool.nbtools\] in it"):
            read_configuration(path)


WRONG = {
    "slect = ['NB1']": "unknown key 'slect', did you mean 'select'?",
    "per_file_ignores = {}": "unknown key 'per_file_ignores', did you mean 'per-file-ignores'?",
    "zzz = 1": "unknown key 'zzz': expected one of select, ",
    "select = 'NB1'": "select: expected a list of strings, found 'NB1'",
    "ignore = [1]": "ignore: expected a list of strings, found [1]",
    "select = ['NB1O1']": "select: no rule is called 'NB1O1', did you mean NB101?",
    "select = ['undefined-nam']": "did you mean undefined-name?",
    "ignore = ['']": "ignore: no rule is called ''",
    "target = 'marimo'": 'target: expected "reactive" or "jupyter", found \'marimo\'',
    "outputs = true": 'outputs: expected "keep" or "strip", found True',
    "fail-on = 'fatal'": "fail-on: expected",
    "baseline = 3": "baseline: expected a string, found 3",
    "exclude = ['!']": "exclude: expected patterns as in .gitignore, found '!'",
    "per-file-ignores = ['a']": "per-file-ignores: expected a table such as",
    "per-file-ignores = {'a' = ['NB999']}": 'per-file-ignores."a": no rule is called',
    "per-file-ignores = {'!' = []}": "per-file-ignores: expected patterns",
    "extend = 'missing.toml'": "missing.toml: No such file or directory",
    "extend = 1": "extend: expected a string",
    "select = [": "expected TOML: ",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items(), ids=WRONG)
def test_what_is_wrong_is_said_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "nbtools.toml", text)
    with pytest.raises(NbtoolsError) as caught:
        read_configuration(path)
    assert message in str(caught.value)
    assert str(path.parent) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "pyproject.toml", "[tool]\nnbtools = 3\n")
    with pytest.raises(NbtoolsError, match=r"tool\.nbtools: expected a table"):
        read_configuration(path)


def test_every_key_is_read(tmp_path: Path) -> None:
    text = """
        select = ["NB1", "undefined-name"]
        extend-select = ["NB2"]
        ignore = ["NB201"]
        fixable = ["ALL"]
        unfixable = ["NB202"]
        exclude = ["a"]
        extend-exclude = ["b/"]
        target = "jupyter"
        outputs = "strip"
        builtins = ["spark"]
        baseline = "known.json"
        output-format = "concise"
        fail-on = "error"
        [per-file-ignores]
        "drafts/*" = ["NB1"]
    """
    path = write(tmp_path / "nbtools.toml", text)
    read = read_configuration(path)
    assert all(key.replace("-", "_") in Configuration.__struct_fields__ for key in KEYS)
    assert read.baseline == tmp_path / "known.json"
    settings = read.settings_of(tmp_path / "drafts/x.ipynb", unsafe_fixes=True)
    assert settings.select == ("NB1", "undefined-name")
    assert settings.ignore[0] == "NB201"
    assert {"NB101", "NB102"} <= set(settings.ignore)
    assert settings.builtins == {"spark"}
    assert (settings.target, settings.outputs, settings.unsafe_fixes) == ("jupyter", "strip", True)
    assert read.settings_of(tmp_path / "x.ipynb").ignore == ("NB201",)
    assert read.excludes(tmp_path / "x/a", False)
    assert read.excludes(tmp_path / "b", True)
    assert not read.excludes(tmp_path / "b", False)
    assert not read.excludes(tmp_path.parent / "a", False)


class TestTheCommandLine:
    base = Configuration(select=("NB1",), extend_select=("NB2",), ignore=("NB3",), target="jupyter")

    def test_what_it_does_not_say_stays(self) -> None:
        assert override(self.base, Configuration()) == self.base

    def test_it_adds_to_what_is_ignored(self) -> None:
        assert override(self.base, Configuration(ignore=("NB101",))).ignore == ("NB3", "NB101")

    def test_a_selection_is_a_new_start(self) -> None:
        both = override(self.base, Configuration(select=("NB3",), extend_select=("NB4",)))
        assert (both.select, both.extend_select, both.ignore) == (("NB3",), ("NB4",), ())
        assert both.target == "jupyter"


class TestSelectors:
    def test_rules_are_known_without_being_imported(self) -> None:
        assert rule_names() == {code: rule.name for code, rule in all_rules().items()}

    @pytest.mark.parametrize("selector", ["NB101", "nb101", "undefined-name", "Undefined-Name"])
    def test_a_code_and_a_name_mean_one_rule(self, selector: str) -> None:
        assert list(matching_codes(selector)) == ["NB101"]
        rule = find_rule(selector)
        assert rule is not None
        assert rule.code == "NB101"

    def test_a_prefix_and_all_mean_many(self) -> None:
        assert set(matching_codes("ALL")) == set(rule_names())
        assert set(matching_codes("NB1")) == {
            code for code in rule_names() if code.startswith("NB1")
        }
        assert find_rule("NB1") is None

    def test_others_are_refused(self) -> None:
        with pytest.raises(NbtoolsError, match=r"^--select: no rule is called 'F821'"):
            check_selectors(["NB101", "F821"], "--select")
