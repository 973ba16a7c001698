"""Hypothesis strategies: whole notebooks of plain Python that run without an error.

A notebook is drawn as plain data: cells of steps, each a few small numbers. `write_notebook` turns
them into code, and keeps a model of what every name holds, so that each step can only write what
will run. Leaving out a step or making a number smaller gives another notebook that runs: that is
why failures shrink well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Literal

from hypothesis import strategies as st

Kind = Literal["int", "str", "list", "dict", "func", "object", "iterator", "module"]

NAMES: dict[str, tuple[str, ...]] = {  # some stand twice: they shall be bound again and again
    "int": ("x", "y", "x", "_t", "x", "x_1", "y", "i", "x", "max", "n"),
    "str": ("s", "s", "t"),
    "list": ("xs", "ys", "xs", "_zs"),
    "dict": ("d", "e", "d"),
    "func": ("f", "g", "f", "_p", "h"),
    "object": ("k",),
    "iterator": ("it",),
}


@dataclass(frozen=True, slots=True)
class Value:
    """What the model knows of a name's value."""

    kind: Kind
    needs: frozenset[tuple[str, Kind]] = frozenset()  # globals looked up when it is used
    writes: frozenset[str] = frozenset()  # globals bound when it is used


@dataclass(frozen=True, slots=True)
class Step:
    """One statement to be: which sort, and numbers for all the choices inside it."""

    sort: int
    picks: tuple[int, ...] = (0,)
    inner: tuple[Step, ...] = ()  # the body of a compound statement


@dataclass(frozen=True, slots=True)
class Written:
    """A notebook, and what is in it."""

    cells: tuple[str, ...]
    mutates: bool  # in-place changes, global statements or iterators: cells depend on each other


INT, STR, LIST, DICT = Value("int"), Value("str"), Value("list"), Value("dict")
Model = dict[str, Value]


@dataclass(slots=True)
class Writer:
    """Writes the code of one notebook."""

    names: Model = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    indent: str = ""
    frozen: frozenset[str] = frozenset()  # counters of the loops around: nobody may bind them
    mutates: bool = False
    numbers: Iterator[int] = field(default_factory=lambda: cycle((0,)))

    # ------------------------------------------------------------ choices

    def pick(self, options: Sequence[str]) -> str:
        return options[next(self.numbers) % len(options)]

    def number(self, limit: int) -> int:
        return next(self.numbers) % limit

    def known(self, kind: Kind) -> list[str]:
        """Names that hold such a value and can be used now."""
        found = [n for n, value in self.names.items() if value.kind == kind and self.is_usable(n)]
        return sorted(found, key=lambda name: (name not in NAMES.get(kind, ()), name))

    def is_usable(self, name: str, above: frozenset[str] = frozenset()) -> bool:
        """Tell whether all that the value looks up is there, and no counter would be bound."""
        value = self.names[name]
        if name in above or value.writes & self.frozen:
            return False  # a recursion without end
        return all(
            other in self.names
            and self.names[other].kind == kind
            and self.is_usable(other, above | {name})
            for other, kind in value.needs
        )

    def target(self, kind: str) -> str:
        """A name to bind; inside a block it must not change the kind of an old name."""
        free = [
            name for name in NAMES[kind] if name not in self.frozen and self.may_become(name, kind)
        ]
        return self.pick(free)

    def may_become(self, name: str, kind: str) -> bool:
        if not self.indent:
            return True
        if name not in self.names:
            return name != "max"  # in a second turn of a loop, `max(...)` would call it
        return self.names[name].kind == kind

    def bind(self, name: str, value: Value) -> None:
        self.names[name] = value

    def add(self, *lines: str) -> None:
        self.lines.extend(self.indent + line for line in lines)

    def has_builtin(self, name: str) -> bool:
        return name not in self.names

    # ------------------------------------------------------------ expressions

    def int_expression(self) -> str:
        """An expression whose value is an int, made of what is there."""
        options = [str(self.number(7))]
        for name in self.known("int")[:3]:
            options += [name, f"{name} + {self.number(5)}", f"{name} * 2 - 1"]
        for name in self.known("func")[:2]:
            options += [f"{name}({self.number(4)})", self.call_with_star(name)]
            self.note_use(name)
        options += [f"sum({name})" for name in self.known("list")[:2]]
        options += [f"{name}.get('a', 1)" for name in self.known("dict")[:1]]
        options += [f"{name}.m({self.number(3)})" for name in self.known("object")]
        options += [f"next({name}, 5)" for name in self.known("iterator")]
        options += [f"len({name})" for name in self.known("str")[:1]]
        if self.has_builtin("max") and self.known("int"):
            options.append(f"max({self.known('int')[0]}, 2)")
        return self.pick(options)

    def call_with_star(self, name: str) -> str:
        lists = self.known("list")
        return f"{name}(*{lists[0]}[:1] or [3])" if lists else f"{name}(*[2])"

    def note_use(self, name: str) -> None:
        self.mutates |= bool(self.names[name].writes)

    def list_expression(self) -> str:
        first = self.int_expression()
        options = [f"[{first}]", f"[{first}, 2]", f"[v + 1 for v in range({self.number(4)})]"]
        for name in self.known("list"):
            options += [name, f"{name} + [{first}]", f"[*{name}[:3], {first}]", f"{name}[:2] * 2"]
            options += [f"[{name} for {name} in {name}[:3]]", f"sorted({name}, key=lambda v: -v)"]
        return self.pick(options)

    # ------------------------------------------------------------ blocks

    def write_block(self, steps: Sequence[Step], *, certain: bool) -> None:
        """Write the body of a compound statement; afterwards only what is sure is known."""
        before, kept, size = dict(self.names), self.numbers, len(self.lines)
        self.indent += "    "
        for step in steps:
            self.write(step)
        if len(self.lines) == size:
            self.add("pass")
        self.indent, self.numbers = self.indent[:-4], kept
        if not certain:
            self.names = join(before, self.names)

    def write(self, step: Step) -> None:
        """Write one statement; where its sort cannot be written now, a plain assignment."""
        self.numbers = cycle(step.picks)
        sorts = SORTS if not self.indent else SORTS[:SIMPLE]
        if not sorts[step.sort % len(sorts)](self, step):
            assign(self, step)


def join(before: Model, after: Model) -> Model:
    """What is known where two ways meet: values of one kind, with the needs of both."""
    return {
        name: replace(value, needs=value.needs | other.needs, writes=value.writes | other.writes)
        for name, value in before.items()
        if (other := after.get(name)) is not None and other.kind == value.kind
    }


# ---------------------------------------------------------------- statements, simple ones first
# Each writes a statement and gives True, or writes nothing and gives False.


def assign(w: Writer, _step: Step) -> bool:
    expression = w.int_expression()
    name = w.target("int")
    w.add(f"{name} = {expression}")
    w.bind(name, INT)
    return True


def show(w: Writer, _step: Step) -> bool:
    names = w.known("int") + w.known("list") + w.known("str") + w.known("dict")
    w.add(w.pick([", ".join(names[:4]) or "7", w.int_expression()]))
    return True


def print_values(w: Writer, _step: Step) -> bool:
    lists = w.known("list")
    options = [f"print({w.int_expression()})", f"print('v', {w.int_expression()}, sep='=')"]
    options += [f"print(*{lists[-1]})"] if lists else []
    options += [f"print(f'{{{name}}} {{{name}!r:>4}}')" for name in w.known("int")[:1]]
    w.add(w.pick(options))
    return True


def augment(w: Writer, _step: Step) -> bool:
    expression = w.int_expression()
    options = [f"{name} += {expression}" for name in w.known("int") if name not in w.frozen]
    options += [f"{name} += 'b'" for name in w.known("str")]
    grow = [f"{name} += [{expression}]" for name in w.known("list")]
    grow += [f"{name} |= {{'a': {expression}}}" for name in w.known("dict")]
    if not options + grow:
        return False
    line = w.pick(options + grow)
    w.mutates |= line in grow
    w.add(line)
    return True


def bind_list(w: Writer, _step: Step) -> bool:
    expression = w.list_expression()
    name = w.target("list")
    w.add(f"{name} = {expression}")
    w.bind(name, LIST)
    return True


def bind_text(w: Writer, _step: Step) -> bool:
    texts = w.known("str")
    expression = w.pick(["'a'", f'f"{{{w.int_expression()}}}"', *(f"{n} + 'c'" for n in texts)])
    name = w.target("str")
    w.add(f"{name} = {expression}")
    w.bind(name, STR)
    return True


def bind_dict(w: Writer, _step: Step) -> bool:
    expression = w.pick([f"{{'a': {w.int_expression()}}}", "dict(a=2)", *w.known("dict")])
    name = w.target("dict")
    w.add(f"{name} = {expression}")
    w.bind(name, DICT)
    return True


def mutate(w: Writer, _step: Step) -> bool:
    expression = w.int_expression()
    options = []
    for name in w.known("list"):
        options += [f"{name}.append({expression})", f"{name}[:1] = [{expression}]"]
        options += [f"{name}.insert(0, {expression})", f"{name}.reverse()"]
    for name in w.known("dict"):
        options += [f"{name}['b'] = {expression}", f"{name}.update(a={expression})"]
        options += [f"{name}['a'] = {name}.get('a', 0) + 1"]
    options += [f"{name}.base += {expression}" for name in w.known("object")]
    if not options:
        return False
    w.mutates = True
    w.add(w.pick(options))
    return True


def unpack(w: Writer, _step: Step) -> bool:
    ints = [name for name in w.known("int") if name not in w.frozen]
    one, other = w.target("int"), w.target("int")
    options = [f"{one} = {other} = {w.int_expression()}"]
    if one != other:
        options += [f"{one}, {other} = {w.int_expression()}, {w.int_expression()}"]
        options += [f"{one}, ({other}, *_) = 1, [{w.int_expression()}, 3]"]
    if len(ints) > 1:
        options += [f"{ints[0]}, {ints[1]} = {ints[1]}, {ints[0]}"]
    line = w.pick(options)
    w.add(line)
    if "_)" in line:
        w.bind("_", LIST)
    if not line.startswith(f"{ints[0]}, {ints[1]} =" if len(ints) > 1 else "\0"):
        w.bind(one, INT)
        w.bind(other, INT)
    return True


def walrus(w: Writer, _step: Step) -> bool:
    name = w.target("int")
    inner = w.int_expression()
    w.add(w.pick([f"print({name} := {inner})", f"print([{name} := v + 1 for v in range(2)])"]))
    w.bind(name, INT)
    return True


def call(w: Writer, _step: Step) -> bool:
    """Call a function for what it does; it may bind a global that was not there."""
    functions = w.known("func")
    if not functions:
        return False
    name = w.pick(functions)
    w.add(f"{name}({w.number(4)})")
    w.note_use(name)
    for written in sorted(w.names[name].writes):
        w.bind(written, INT)
    return True


# ---------------------------------------------------------------- compound statements


def loop(w: Writer, step: Step) -> bool:
    lists = w.known("list")
    certain = not lists or bool(w.number(2))
    name = w.target("int")
    source = f"range({1 + w.number(3)})" if certain else f"{lists[0]}[:2]"
    w.add(f"for {name} in {source}:")
    if certain:
        w.bind(name, INT)
        w.write_block(step.inner, certain=True)
    else:
        before = dict(w.names)
        w.bind(name, INT)
        w.write_block(step.inner, certain=True)
        w.names = join(before, w.names)
    return True


def count_down(w: Writer, step: Step) -> bool:
    free = [name for name in w.known("int") if name not in w.frozen]
    if not free:
        return False
    name, before = free[0], w.frozen
    w.add(f"{name} = {1 + w.number(3)}" if w.number(2) else f"{name} = {name} % 3 + 1")
    w.add(f"while {name} > 0:", f"    {name} -= 1")
    w.bind(name, INT)
    w.frozen = before | {name}
    w.write_block(step.inner, certain=True)
    w.frozen = before
    return True


def branch(w: Writer, step: Step) -> bool:
    half = len(step.inner) // 2
    w.add(f"if {w.int_expression()} % 2:")
    before = dict(w.names)
    w.write_block(step.inner[half:], certain=True)
    first, w.names = w.names, before
    if half:
        w.add("else:")
        w.write_block(step.inner[:half], certain=True)
    w.names = join(first, w.names)
    return True


def attempt(w: Writer, step: Step) -> bool:
    half = len(step.inner) // 2
    w.add("try:")
    before = dict(w.names)
    w.write_block(step.inner[half:], certain=True)
    if w.number(2):
        w.add("    int('no number')")
    middle = join(before, w.names)
    w.names = dict(middle)
    w.add(w.pick(["except ValueError:", "except (ValueError, KeyError) as err:"]))
    w.write_block(step.inner[:half], certain=True)
    w.names = join(middle, w.names)
    return True


def manage(w: Writer, step: Step) -> bool:
    name, expression = w.target("int"), w.int_expression()
    if w.names.get("contextlib") != Value("module"):
        w.add("import contextlib")
        w.bind("contextlib", Value("module"))
    w.add(f"with contextlib.nullcontext({expression}) as {name}:")
    w.bind(name, INT)
    w.write_block(step.inner, certain=True)
    return True


def match_value(w: Writer, step: Step) -> bool:
    name = w.target("int")
    w.add(f"match [{w.int_expression()}, 4]:", f"    case [0, {name}]:")
    w.bind(name, INT)
    w.indent += "    "
    w.write_block(step.inner, certain=False)
    w.indent = w.indent[:-4]
    w.add(f"    case [{name}, *_]:", "        pass")
    return True


# ---------------------------------------------------------------- functions and classes


def free_expression(w: Writer) -> tuple[str, frozenset[tuple[str, Kind]]]:
    """An expression over `a` and names of the notebook that are looked up when it is evaluated."""
    options: list[tuple[str, tuple[tuple[str, Kind], ...]]] = [("a + 1", ())]
    options += [(f"a + {name}", ((name, "int"),)) for name in ("x", "y", "_t", "x_1")]
    options += [(f"a * 2 + sum({name})", ((name, "list"),)) for name in ("xs", "ys")]
    options += [(f"{name}(a) + 1", ((name, "func"),)) for name in ("f", "g", "_p")]
    options += [("sum(x + v for v in range(a % 3))", (("x", "int"),))]
    options += [("(lambda v, x=x: v + x + y)(a)", (("x", "int"), ("y", "int")))]
    text, needs = options[w.number(len(options))]
    return text, frozenset(needs)


FUNCTIONS = (
    ("def {f}(a, *rest):", "    return {e}"),
    ("def {f}(a, *rest, x={v}):", "    return {e} - x"),
    ("def {f}(a, *rest):", "    x_1 = {e}", "    return x_1 + a"),
    ("def {f}(a, *rest):", "    def inner(b):", "        return {e} + b", "    return inner(1)"),
    ("def {f}(a, *rest, b={v}, **more):", "    return {e} + b + len(rest)"),
    ("{f} = lambda a, *rest: {e}",),
    ("def {f}(a, *rest):", "    def steps():", "        yield {e}", "    return sum(steps())"),
)


def define(w: Writer, _step: Step) -> bool:
    expression, needs = free_expression(w)
    value = w.int_expression()
    name = w.target("func")
    if (name, "func") in needs:
        expression, needs = "a + 2", frozenset()
    if w.indent and f"{name}(" in value:
        return False  # the next turn of a loop calls the new one, which may need more
    shape = FUNCTIONS[w.number(len(FUNCTIONS))]
    local = (
        {("x", "int")}
        if "x={v}" in shape[0]
        else {("x_1", "int")}
        if "x_1 =" in shape[1:2]
        else set()
    )
    if "    x_1 = {e}" in shape and ("x_1", "int") in needs:
        return False  # `x_1 = a + x_1` in a function is an error
    w.add(*(line.format(f=name, e=expression, v=value) for line in shape))
    w.bind(name, Value("func", needs - local if "lambda v" not in expression else needs))
    return True


def define_writer(w: Writer, _step: Step) -> bool:
    """A function that binds a global, new or old."""
    name, written = w.target("func"), w.pick(("x", "y", "fresh"))
    if written in w.frozen or (w.indent and not w.may_become(written, "int")):
        return False
    old = written in w.names and w.names[written].kind == "int"
    needs: frozenset[tuple[str, Kind]] = frozenset({(written, "int")}) if old else frozenset()
    body = f"{written} {w.pick(('+= a', f'= {written} * 2'))}" if old else f"{written} = a"
    w.add(f"def {name}(a, *rest):", f"    global {written}", f"    {body}", "    return a")
    w.bind(name, Value("func", needs, frozenset({written})))
    return True


def define_mutator(w: Writer, _step: Step) -> bool:
    name, listed = w.target("func"), w.pick(("xs", "ys"))
    w.add(f"def {name}(a, *rest):", f"    {listed}.append(a)", f"    return len({listed})")
    w.mutates = True
    w.bind(name, Value("func", frozenset({(listed, "list")})))
    return True


def alias(w: Writer, _step: Step) -> bool:
    functions = w.known("func")
    if not functions:
        return False
    name, source = w.target("func"), w.pick(functions)
    w.add(f"{name} = {source}")
    w.bind(name, w.names[source])
    return True


def define_class(w: Writer, _step: Step) -> bool:
    expression, needs = free_expression(w)
    value = w.int_expression()
    name = w.target("object")
    w.add("class K:", f"    base = {value}", "    def m(self, a):")
    w.add(f"        return {expression} + self.base", f"{name} = K()")
    w.bind(name, Value("object", needs))
    return True


def start_iterator(w: Writer, _step: Step) -> bool:
    expression, needs = free_expression(w)
    name = w.target("iterator")
    w.add(f"{name} = ({expression} for a in range(4))")
    w.mutates = True
    w.bind(name, Value("iterator", needs))
    return True


# ---------------------------------------------------------------- imports and deletions

IMPORTS = (
    ("import math", "print(math.floor({e} / 2))", "math"),
    ("from math import floor as h", "print(h({e}))", "h"),
    ("from operator import neg as h", "print(h({e}))", "h"),
    ("import itertools", "print(sum(itertools.chain([{e}], [1])))", "itertools"),
    ("import os.path", "print(os.path.join('a', str({e})))", "os"),
    ("import os", "print(os.path.basename('b/c'), {e})", "os"),
    ("import math as os", "print(os.floor({e} / 3))", "os"),
    ("from math import trunc as max", "print(max({e}))", "max"),
)


def bring_in(w: Writer, _step: Step) -> bool:
    statement, use, name = IMPORTS[w.number(len(IMPORTS))]
    if name in w.frozen or not w.may_become(name, "module"):
        return False
    expression = w.int_expression()
    if f"{name}(" in expression or expression == name or f"{name} " in expression:
        return False
    w.add(statement)
    if w.number(2):
        w.add(use.format(e=expression))
    w.bind(name, Value("module"))
    return True


def use_module(w: Writer, _step: Step) -> bool:
    if w.names.get("math") != Value("module"):
        return False
    w.add(f"print(math.ceil({w.int_expression()} / 2))")
    return True


def delete(w: Writer, _step: Step) -> bool:
    names = sorted(name for name in w.names if name not in w.frozen and name != "_")
    if not names or w.indent:
        return False
    name = w.pick(names)
    w.add(f"del {name}")
    del w.names[name]
    return True


Sort = Callable[[Writer, Step], bool]
SORTS: tuple[Sort, ...] = (
    *(assign, show, print_values, augment, bind_list, bind_text, bind_dict, mutate, unpack),
    *(walrus, define, alias, use_module, define_writer, call),  # up to here: in blocks, too
    *(loop, count_down, branch, attempt, manage, match_value, define, define_mutator),
    *(define_class, start_iterator, bring_in, delete, define, assign),
)
SIMPLE = 15


# ---------------------------------------------------------------- the strategies


def write_notebook(cells: Sequence[Sequence[Step]]) -> Written:
    """The code of a drawn notebook."""
    writer, written = Writer(), []
    for steps in cells:
        writer.lines = []
        for step in steps:
            writer.write(step)
        written.append("\n".join(writer.lines))
    return Written(tuple(filter(None, written)), writer.mutates)


def steps(depth: int = 2) -> st.SearchStrategy[Step]:
    inner = st.lists(steps(depth - 1), max_size=3).map(tuple) if depth else st.just(())
    picks = st.lists(st.integers(0, 11), min_size=1, max_size=5).map(tuple)
    return st.builds(Step, st.integers(0, len(SORTS) - 1), picks, inner)


def notebooks(max_cells: int = 7) -> st.SearchStrategy[Written]:
    """Notebooks of some cells, each of a few statements."""
    cell = st.lists(steps(), min_size=1, max_size=4)
    return st.lists(cell, min_size=2, max_size=max_cells).map(write_notebook)
