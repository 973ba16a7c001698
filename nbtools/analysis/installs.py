"""What `pip install` and `conda install` lines ask for, as PEP 508 requirements."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from msgspec import Struct

from nbtools.lazy_patterns import lazy_pattern

_REQUIREMENT = lazy_pattern(
    r"""(?x)[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?\s*(?:\[[\w\s,.-]*\])?\s*
    (?:(?:===|==|~=|!=|<=|>=|<|>)\s*[\w.*+!-]+\s*(?:,\s*(?:===|==|~=|!=|<=|>=|<|>)\s*[\w.*+!-]+\s*)*)?
    (?:;.*)?\Z"""
)
_PIP = lazy_pattern(r"(?:.*/)?(?:pip|pip3|pip\d?\.\d+|pip2)\Z")
_PYTHON = lazy_pattern(r"(?:.*/)?(?:python[\d.]*|\{sys\.executable\}|\$sys\.executable|py)\Z")
_CONDA = frozenset({"conda", "mamba", "micromamba"})
_PIP_VALUES = frozenset(
    """-c --constraint -i --index-url --extra-index-url -f --find-links -t --target --prefix --root
    --trusted-host --proxy --timeout --retries --platform --python-version --abi --implementation
    --progress-bar --cache-dir --log --src --only-binary --no-binary --global-option --python
    --install-option -d --config-settings -C --upgrade-strategy --exists-action --cert""".split()
)
_CONDA_VALUES = frozenset("-c --channel -n --name -p --prefix --solver --repodata-fn".split())


class Install(Struct, frozen=True):
    """What one command line installs."""

    requirements: tuple[str, ...] = ()  # PEP 508
    left_out: tuple[str, ...] = ()  # arguments that name no package: files, variables
    whole: bool = True  # False: the line does something else as well


def read_install(command: str) -> Install | None:
    """Read a command line, or None if it installs nothing."""
    installs, others = [], 0
    for segment in re.split(r"&&|\|\||(?<!\\);(?=\s)", command):
        words = _split_words(re.split(r"(?<!\|)\|(?!\|)|\s\d?>|\s&>", segment)[0])
        found = _read_words(words)
        installs += [found] if found else []
        others += not found and bool(words)
    if not installs:
        return None
    return Install(
        tuple(dict.fromkeys(name for found in installs for name in found.requirements)),
        tuple(name for found in installs for name in found.left_out),
        whole=not others,
    )


def _split_words(segment: str) -> list[str]:
    try:
        return shlex.split(re.sub(r"\s#.*", "", segment))
    except ValueError:  # an open quote
        return segment.split()


def _read_words(words: Sequence[str]) -> Install | None:
    """Read one simple command, its leading `sudo` and `VARIABLE=value` set aside."""
    while words and (words[0] in ("sudo", "-H", "yes") or re.match(r"\w+=", words[0])):
        words = words[1:]
    if len(words) > 2 and _PYTHON.match(words[0]) and words[1] == "-m":
        words = words[2:]
    if words and words[0] == "uv":
        words = words[2:] if words[1:3] == ["pip", "install"] else words[1:]
        words = ["pip", "install", *words[1:]] if words[:1] in (["install"], ["add"]) else []
    if len(words) < 2 or "install" not in words:
        return None
    arguments = words[words.index("install") + 1 :]
    if _PIP.match(words[0]):
        return _read_pip(arguments)
    return _read_conda(arguments) if words[0] in _CONDA else None


def _read_pip(arguments: Sequence[str]) -> Install:
    requirements: list[str] = []
    left_out: list[str] = []
    position = 0
    while position < len(arguments):
        word = arguments[position]
        position += 2 if word in _PIP_VALUES else 1
        if word in ("-r", "--requirement"):
            left_out.append(" ".join(arguments[position - 1 : position + 1]))
            position += 1
        elif not word.startswith("-"):
            found = _pip_requirement(word)
            if found == "pip":  # every environment has it
                continue
            (requirements if found else left_out).append(found or word)
    return Install(tuple(requirements), tuple(left_out))


def _pip_requirement(word: str) -> str | None:
    """A PEP 508 requirement for one argument; None for paths and variables."""
    if re.match(r"[\w.\[\],-]+\s*@\s*\S", word) and "://" in word:
        return word
    if "://" in word:
        name = _name_in_address(word)
        return f"{name} @ {word}" if name else None
    is_file = word.endswith((".whl", ".gz", ".zip"))
    return word if _REQUIREMENT.match(word) and not is_file else None


def _name_in_address(address: str) -> str | None:
    """The package an address gives: `#egg=name`, a wheel's name, a repository's name."""
    address, _, fragment = address.partition("#")
    egg = re.search(r"egg=([\w.-]+)", fragment)
    if egg:
        return egg[1]
    last = address.rstrip("/").rpartition("/")[2]
    if last.endswith(".whl"):
        return last.split("-")[0]
    name = re.sub(r"(@[^/]*|\.git|\.zip|\.tar\.gz)+\Z", "", last)
    name = re.sub(r"-\d[\w.]*\Z", "", name)
    return name if re.match(r"[A-Za-z][\w.-]*\Z", name) and name not in ("master", "main") else None


def _read_conda(arguments: Sequence[str]) -> Install:
    requirements: list[str] = []
    left_out: list[str] = []
    position = 0
    while position < len(arguments):
        word = arguments[position]
        position += 2 if word in _CONDA_VALUES else 1
        if word in ("--file",):
            left_out.append(" ".join(arguments[position - 1 : position + 1]))
            position += 1
        elif not word.startswith("-"):
            found = _conda_requirement(word)
            if found != "python":
                (requirements if found else left_out).append(found or word)
    return Install(tuple(requirements), tuple(left_out))


def _conda_requirement(word: str) -> str | None:
    """In conda `name=1.2` means 1.2 or any 1.2.x; a channel before `::` is dropped."""
    match = re.match(r"(?:.*::)?([\w.-]+)(?:=([\d.]+)(?:=.*)?)?\Z", word)
    if match:
        if match[1] == "python":
            return "python"
        return f"{match[1]}=={match[2]}.*" if match[2] else match[1]
    plain = word.rpartition("::")[2]
    return plain if _REQUIREMENT.match(plain) else None
