"""The types that functions, methods and attributes of common libraries give: data, no logic."""

from __future__ import annotations

from collections.abc import Mapping


def _each(kind: str, prefix: str, names: str) -> dict[str, str]:
    return {prefix + name: kind for name in names.split()}


FRAME, SERIES, INDEX = "pandas.DataFrame", "pandas.Series", "pandas.Index"
ARRAY, GRAPH = "numpy.ndarray", "networkx.Graph"
LOCATED = "pandas.iloc"  # `df.loc` and `df.iloc`
GROUPS, COLUMN_GROUPS = "pandas.GroupBy", "pandas.SeriesGroupBy"
AXES, FIGURE = "matplotlib.axes.Axes", "matplotlib.figure.Figure"

CLASS_MODULES = (
    "pandas.",
    "numpy.random.",
    "sklearn.",
    "collections.",
    "networkx.",
    "keras.",
    "tensorflow.keras.",
    "torch.",
    "xgboost.",
    "lightgbm.",
    "statsmodels.",
    "scipy.",
    "matplotlib.",
    "fractions.",
    "decimal.",
)
"""A call of a name in capitals from one of these makes an instance of it."""

FUNCTIONS: Mapping[str, str] = {
    **_each("list", "", "list sorted dir"),
    **_each("dict", "", "dict vars"),
    **_each("set", "", "set"),
    **_each("tuple", "", "tuple divmod"),
    **_each("str", "", "str repr input chr hex bin"),
    **_each("int", "", "int len ord hash id"),
    **_each("float", "", "float"),
    **_each("bool", "", "bool isinstance any all"),
    **_each("range", "", "range"),
    **_each("frozenset", "", "frozenset"),
    **_each("bytearray", "", "bytearray"),
    **_each("file", "", "open"),
    **_each("list", "glob.", "glob"),
    **_each("list", "os.", "listdir"),
    **_each("list", "random.", "sample choices"),
    **_each("list", "itertools.", "tee"),
    **_each(
        FRAME,
        "pandas.",
        "DataFrame read_csv read_table read_excel read_sql read_sql_query read_sql_table read_hdf "
        "read_pickle read_parquet read_feather read_stata read_sas read_fwf read_clipboard "
        "read_gbq read_orc merge merge_asof merge_ordered pivot pivot_table crosstab "
        "get_dummies melt json_normalize",
    ),
    **_each("list", "pandas.", "read_html"),
    **_each(SERIES, "pandas.", "Series"),
    **_each(INDEX, "pandas.", "Index DatetimeIndex MultiIndex date_range bdate_range period_range"),
    "pandas.DataFrame.from_dict": FRAME,
    "pandas.DataFrame.from_records": FRAME,
    "seaborn.load_dataset": FRAME,
    **_each(
        ARRAY,
        "numpy.",
        "array asarray zeros ones empty full arange linspace logspace geomspace eye identity diag "
        "zeros_like ones_like empty_like full_like loadtxt genfromtxt fromfile frombuffer "
        "concatenate vstack hstack column_stack stack tile repeat where argsort unique "
        "random.rand random.randn random.random_sample random.permutation outer kron "
        "linalg.inv cumsum cumprod diff asfarray fromiter fromfunction",
    ),
    **_each(FIGURE, "matplotlib.pyplot.", "figure gcf"),
    **_each(AXES, "matplotlib.pyplot.", "gca axes subplot"),
    **_each("deque", "collections.", "deque"),
    **_each("Counter", "collections.", "Counter"),
    **_each("defaultdict", "collections.", "defaultdict"),
    **_each("OrderedDict", "collections.", "OrderedDict"),
    **_each(
        GRAPH,
        "networkx.",
        "Graph DiGraph MultiGraph MultiDiGraph karate_club_graph erdos_renyi_graph "
        "gnp_random_graph barabasi_albert_graph "
        "watts_strogatz_graph complete_graph path_graph cycle_graph "
        "star_graph grid_2d_graph read_gml read_graphml read_edgelist read_gexf read_pajek "
        "read_adjlist balanced_tree random_geometric_graph",
    ),
}
"""Dotted name of a function or class -> the type of what a call of it gives."""

TUPLES: Mapping[str, tuple[str, ...]] = {
    "matplotlib.pyplot.subplots": (FIGURE, AXES),
    "numpy.meshgrid": (ARRAY, ARRAY, ARRAY),
    "numpy.histogram": (ARRAY, ARRAY),
}
"""The same for what a call gives to `a, b = ...`."""

_FRAME_TO_FRAME = (
    "copy head tail drop dropna fillna rename rename_axis sort_values sort_index reset_index "
    "set_index assign query merge join sample astype replace drop_duplicates pivot_table pivot "
    "melt transpose describe corr cov nlargest nsmallest filter select_dtypes reindex shift diff "
    "pct_change cumsum clip round isnull isna notnull notna where mask interpolate ffill bfill "
    "applymap set_axis truncate append to_timestamp add_prefix add_suffix sort explode "
    "convert_dtypes infer_objects"
)
_SERIES_TO_SERIES = (
    "copy head tail drop dropna fillna rename sort_values sort_index sample astype replace "
    "drop_duplicates map value_counts shift diff pct_change cumsum clip round isnull isna notnull "
    "notna where mask interpolate ffill bfill abs nlargest nsmallest reindex isin between append "
    "describe sort order"
)
_REDUCTIONS = "sum mean median std var min max count first last prod nunique"
_STR_TO_STR = (
    "strip lstrip rstrip lower upper title format replace join capitalize center ljust rjust "
    "zfill swapcase casefold expandtabs"
)
_COPIES = {kind: {"copy": kind} for kind in ("list", "dict", "set", "Counter", "defaultdict")}

METHODS: Mapping[str, Mapping[str, str]] = {
    **_COPIES,
    FRAME: {
        **_each(FRAME, "", _FRAME_TO_FRAME),
        **_each(SERIES, "", "sum mean median std var min max count nunique idxmax idxmin pop"),
        **_each(SERIES, "", "any all duplicated corrwith quantile"),
        **_each(GROUPS, "", "groupby"),
        **_each(ARRAY, "", "to_numpy as_matrix"),
        **_each("dict", "", "to_dict"),
    },
    SERIES: {
        **_each(SERIES, "", _SERIES_TO_SERIES),
        **_each(FRAME, "", "to_frame"),
        **_each("list", "", "tolist to_list"),
        **_each("dict", "", "to_dict"),
        **_each(ARRAY, "", "to_numpy"),
        **_each(FRAME, "", "unstack"),
        **_each(COLUMN_GROUPS, "", "groupby"),
    },
    GROUPS: {**_each(FRAME, "", _REDUCTIONS + " head tail nth"), "size": SERIES},
    COLUMN_GROUPS: _each(SERIES, "", _REDUCTIONS + " size head tail nlargest nsmallest"),
    INDEX: {"tolist": "list", "to_list": "list", "copy": INDEX, "to_series": SERIES},
    ARRAY: {
        **_each(ARRAY, "", "copy reshape astype ravel flatten transpose cumsum repeat round clip"),
        **_each("list", "", "tolist"),
    },
    "str": {
        **_each("str", "", _STR_TO_STR),
        **_each("list", "", "split rsplit splitlines"),
        **_each("bool", "", "startswith endswith isdigit isalpha"),
        **_each("int", "", "find count index"),
    },
    FIGURE: {"add_subplot": AXES, "gca": AXES, "add_axes": AXES},
    GRAPH: _each(GRAPH, "", "copy subgraph to_undirected to_directed reverse"),
}
"""Type -> method -> the type of what a call of it gives."""

ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    FRAME: {
        **_each(INDEX, "", "columns index"),
        **_each(LOCATED, "", "loc iloc"),
        "values": ARRAY,
        "T": FRAME,
        "shape": "tuple",
    },
    SERIES: {"index": INDEX, "values": ARRAY, "T": SERIES, "shape": "tuple", "str": "pandas.str"},
    ARRAY: {"T": ARRAY, "shape": "tuple", "size": "int", "real": ARRAY, "imag": ARRAY},
}
"""Type -> attribute -> its type."""
