"""What draws: pyplot, and libraries that draw on its figures, by a notebook's names for them."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from nbtools.analysis.facts import Import, SourceError, Statement
from nbtools.analysis.modules import find_module_file, local_module
from nbtools.convert.scripts import Script, added_script
from nbtools.convert.shown import functions_calling
from nbtools.convert.typeset import TYPESETTING
from nbtools.convert.values import NOTHING_IN_PYPLOT
from nbtools.files import read_if_file
from nbtools.syntax import parse_source, walk_nodes

_PYPLOT = frozenset({"matplotlib.pyplot", "pylab", "matplotlib.pylab"})
ACCESSORS = frozenset({"plot", "hist", "boxplot"})
"""Methods of data that draw a figure of their own."""
MAKERS = frozenset({"figure", "subplots", "subplot_mosaic", "matshow", "plotting"})
"""Functions of pyplot that open a figure."""
_SEABORN_GRIDS = frozenset(
    {"catplot", "relplot", "displot", "lmplot", "jointplot", "pairplot", "FacetGrid", "PairGrid"}
    | {"factorplot", "clustermap", "JointGrid"}
)
_SEABORN_SETTINGS = frozenset({"set", "set_style", "set_context", "set_palette", "set_theme"})
_SEABORN_NOTHING = _SEABORN_SETTINGS | {"despine", "move_legend", "reset_defaults", "reset_orig"}
"""Functions of seaborn that give None."""
_NOT_DRAWING = _SEABORN_SETTINGS | frozenset(
    """close show ion ioff rc rcParams rcdefaults get_cmap get_fignums set_cmap style cm use
    load_dataset color_palette xkcd get_backend
    switch_backend rc_context setp fignum_exists array arange linspace zeros ones sin cos pi
    random mean normal rand randn savetxt loadtxt""".split()
)
_LIBRARIES = re.compile(
    r"""networkx\.(?:[\w.]*\.)?draw(?:_\w+)?|scipy\.cluster\.hierarchy\.dendrogram
    |scipy\.spatial\.\w+_plot_2d|pandas\.(?:plotting|tools\.plotting)\.\w+
    |statsmodels\.(?:[\w.]*\.)?(?:qqplot\w*|plot_\w+|\w+_plot|graphics\.\w+)
    |sklearn\.(?:[\w.]*\.)?(?:plot_\w+|\w+Display\.from_\w+)|skimage\.io\.imshow\w*
    |mlxtend\.plotting\.plot_\w+|mglearn\.(?:plots|tools)\.\w+|missingno\.\w+
    |librosa\.display\.\w+|arviz\.plot_\w+|pymc3?\.(?:plot_\w+|traceplot)
    |shap\.(?:\w+_plot|plots\.\w+)|(?:xgboost|lightgbm)\.plot_\w+|squarify\.plot
    |matplotlib_venn\.venn\w+|scikitplot\.[\w.]+""",
    re.VERBOSE,
)
"""Functions of libraries that draw on pyplot's current figure, or open one, by full name."""
_GIVES_NONE = re.compile(r"networkx\.(?:[\w.]*\.)?draw(?!_networkx_)\w*")
_CALLERS = frozenset({"interact", "interactive", "interactive_output", "interact_manual"})
"""Functions of ipywidgets that call the function that they are given."""


class Plotting(Struct, frozen=True, dict=True):
    """The names under which a notebook reaches pyplot, and its own functions that draw."""

    modules: frozenset[str]  # `plt`
    seaborn: frozenset[str]  # `sns`
    functions: Mapping[str, str]  # a name imported from pyplot -> its name there
    drawing: frozenset[str] = frozenset()  # the notebook's functions that draw
    procedures: frozenset[str] = frozenset()  # the notebook's functions that return nothing
    imported: Mapping[str, str] = {}  # an imported name -> the dotted name of what it is
    in_outputs: bool = True  # saved pictures are figures, not formulas that sympy printed

    def in_pyplot(self, call: str) -> str | None:
        """What a dotted call calls in pyplot, else None."""
        root, _, rest = call.partition(".")
        if not rest:
            return self.functions.get(call)
        return rest if root in self.modules else None

    def draws(self, call: str) -> bool:
        """Whether a call may open a figure or draw on one."""
        pyplot = self.in_pyplot(call)
        if pyplot is not None:
            first = pyplot.split(".")[0]
            return first not in _NOT_DRAWING and not first[:1].isupper()  # a class: `plt.Figure`
        if call in self.drawing or _LIBRARIES.fullmatch(self.full_name(call)):
            return True
        parts = call.split(".")
        if parts[0] in self.seaborn and len(parts) > 1:
            return parts[1] not in _NOT_DRAWING
        if len(parts) == 1:
            return False
        own = parts[0] not in self.imported and (  # of an object
            parts[-1].startswith("plot_") or (parts[-1] == "save" and self.has_sympy)
        )
        return own or parts[-1] in ACCESSORS or parts[-2] == "plot"

    def makes_figure(self, call: str) -> bool:
        """Whether a call may open a figure of its own."""
        pyplot = self.in_pyplot(call)
        if pyplot is not None:
            return pyplot in MAKERS
        parts = call.split(".")
        if parts[0] in self.seaborn:
            return parts[-1] in _SEABORN_GRIDS
        return self.draws(call) and not _LIBRARIES.fullmatch(self.full_name(call))

    def full_name(self, call: str) -> str:
        """What a dotted call calls, by the name that it was imported from."""
        root, dot, rest = call.partition(".")
        return self.imported.get(root, root) + dot + rest

    def gives_none(self, call: str) -> bool:
        """Whether a call that draws surely has no value."""
        if call in self.procedures or self.in_pyplot(call) in NOTHING_IN_PYPLOT:
            return True
        if _GIVES_NONE.fullmatch(self.full_name(call)):
            return True
        module, _, name = call.rpartition(".")
        return module in self.seaborn and name in _SEABORN_NOTHING

    def draws_in(self, statement: Statement) -> bool:
        """Whether a statement may draw: by a call, or by a widget that calls what it is given."""
        facts = statement.facts
        if any(map(self.draws, facts.calls)):
            return True
        given = facts.binds if statement.kind == "function" else facts.values
        if self.drawing.isdisjoint(given):
            return False
        callers = {call.rpartition(".")[2] for call in (*facts.calls, *facts.values)}
        return not callers.isdisjoint(_CALLERS)

    @cached_property
    def has_sympy(self) -> bool:
        """Whether there may be plots of sympy, which draw once more when they are saved."""
        return any(name.partition(".")[0] == "sympy" for name in self.imported.values())

    @cached_property
    def shows(self) -> frozenset[str]:
        """The ways in which the notebook writes `plt.show`."""
        short = {name for name, original in self.functions.items() if original == "show"}
        return frozenset({f"{module}.show" for module in self.modules} | short)


def find_plotting(scripts: Sequence[Script], folder: Path | None) -> Plotting:
    """What draws in a notebook.

    folder: Where the notebook lies: modules beside it may draw, too. Their text is read.
    """
    return _read_plotting(scripts, _find_drawing_modules(scripts, folder))


def _find_drawing_modules(
    scripts: Sequence[Script], folder: Path | None
) -> Mapping[str, frozenset[str]]:
    """The modules beside the notebook that it imports, and their functions that draw."""
    names = {
        bound.module
        for script in scripts
        for statement in script.statements
        for bound in statement.facts.imports
    }
    found = {}
    for module in sorted(names):
        if folder is None or not local_module(module, folder):
            continue
        path = find_module_file(module, folder)
        text = read_if_file(path) if path is not None and path.suffix == ".py" else None
        if text and any(word in text for word in ("pyplot", "pylab", "seaborn")):
            with suppress(SourceError):
                found[module] = _read_plotting([added_script(text)], {}).drawing
    return found


def _read_plotting(
    scripts: Sequence[Script], drawing_modules: Mapping[str, frozenset[str]]
) -> Plotting:
    modules: set[str] = set()
    seaborn: set[str] = set()
    functions: dict[str, str] = {}
    imported: dict[str, str] = {}
    drawing: set[str] = set()  # of the modules beside the notebook: `plots.show_all`, `show_all`
    for script in scripts:
        for statement in script.statements:
            for bound in statement.facts.imports:
                drawing |= _imported_drawing(bound, drawing_modules.get(bound.module, frozenset()))
                whole = bound.module if bound.name is None else f"{bound.module}.{bound.name}"
                imported[bound.bound] = bound.bound if bound.dotted else whole
                if bound.bound == "_":
                    continue  # what is left of a star import that binds nothing
                if whole in _PYPLOT and not bound.dotted:
                    modules.add(bound.bound)
                elif bound.dotted and bound.module in _PYPLOT:
                    modules.add(bound.module)
                elif whole.split(".")[0] == "seaborn" and bound.name is None:
                    seaborn.add(bound.bound)
                elif bound.module in _PYPLOT and bound.name is not None:
                    functions[bound.bound] = bound.name
    calls = {call for script in scripts for s in script.statements for call in s.facts.calls}
    formulas = any(call.rpartition(".")[2] in TYPESETTING for call in calls)
    plotting = Plotting(
        frozenset(modules),
        frozenset(seaborn),
        functions,
        frozenset(drawing),
        _find_procedures(scripts),
        imported,
        not formulas,
    )
    return replace(plotting, drawing=plotting.drawing | functions_calling(scripts, plotting.draws))


def _find_procedures(scripts: Sequence[Script]) -> frozenset[str]:
    """The functions that return nothing, whatever they are given; no other value has their name."""
    found: set[str] = set()
    others: set[str] = set()
    for script in scripts:
        for statement in script.statements:
            if statement.kind == "function" and _returns_nothing(script, statement):
                found |= statement.facts.binds
            else:
                others |= statement.facts.binds | statement.facts.writes_late
    return frozenset(found - others)


def _returns_nothing(script: Script, statement: Statement) -> bool:
    node = parse_source(script.source).body[statement.index]
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    return not any(
        isinstance(each, (ast.Yield, ast.YieldFrom))
        or (isinstance(each, ast.Return) and each.value is not None)
        for each in walk_nodes(node)
    )


def _imported_drawing(bound: Import, functions: Collection[str]) -> set[str]:
    """The dotted names under which an import makes functions that draw known."""
    if bound.name is None:
        return {f"{bound.module if bound.dotted else bound.bound}.{each}" for each in functions}
    return {bound.bound} if bound.name in functions else set()
