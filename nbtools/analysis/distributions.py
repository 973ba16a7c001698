"""Which distribution gives a module, and what comes along with it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nbtools.analysis.modules import load_table


def normalize_name(name: str) -> str:
    """PEP 503: runs of `-_.` are one "-", and case says nothing."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distribution_of(module: str) -> str | None:
    """What to install for a module; None: nothing on PyPI gives it (Colab's own, Python 2's)."""
    table = load_table("distributions")
    prefix = module
    while prefix:
        if prefix in table:
            found = table[prefix]
            return found if isinstance(found, str) else None
        prefix = prefix.rpartition(".")[0]
    top = module.partition(".")[0]
    return None if top.startswith("_") else normalize_name(top)


IN_EVERY_KERNEL = frozenset(
    "ipython ipykernel traitlets jupyter-client jupyter-core matplotlib-inline pip setuptools "
    "comm tornado pyzmq psutil nest-asyncio decorator pygments pexpect wheel pkg-resources".split()
)
"""What a Python kernel cannot run without, and what virtual environments bring."""

_NUMPY = "numpy"
_BRINGS: Mapping[str, str] = {
    "pandas": "numpy python-dateutil pytz",
    "scipy": _NUMPY,
    "matplotlib": "numpy pillow python-dateutil cycler",
    "matplotlib-base": "matplotlib numpy pillow python-dateutil cycler",
    "scikit-learn": "numpy scipy joblib",
    "seaborn": "numpy pandas matplotlib",
    "statsmodels": "numpy scipy pandas patsy",
    "torch": "numpy",
    "pytorch": "torch torchvision numpy",
    "torchvision": "torch numpy pillow",
    "tensorflow": "keras numpy tensorboard h5py protobuf",
    "keras": "numpy h5py tensorflow",
    "xarray": "numpy pandas",
    "jupyter": "ipywidgets notebook nbconvert nbformat ipython",
    "jupyterlab": "notebook nbconvert nbformat ipython",
    "notebook": "nbconvert nbformat ipython",
    "sympy": "mpmath",
    "nltk": "tqdm regex joblib click",
    "requests": "urllib3 certifi idna",
    "transformers": "huggingface-hub tokenizers numpy requests tqdm pyyaml",
    "datasets": "numpy pandas pyarrow requests tqdm huggingface-hub",
    "networkx": _NUMPY,
    "scikit-image": "numpy scipy pillow networkx imageio",
    "opencv": "opencv-python numpy",
    "py-opencv": "opencv-python numpy",
    "opencv-contrib-python": "opencv-python numpy",
    "opencv-python-headless": "opencv-python numpy",
    "psycopg2-binary": "psycopg2",
    "tensorflow-gpu": "tensorflow keras numpy h5py",
    "tensorflow-cpu": "tensorflow keras numpy h5py",
    "pymc": "arviz pytensor numpy scipy pandas xarray",
    "pymc3": "arviz theano numpy scipy pandas xarray",
    "arviz": "numpy scipy pandas matplotlib xarray",
    "geopandas": "pandas shapely pyproj fiona numpy",
    "plotly": "numpy",
    "bokeh": "numpy pandas pillow jinja2",
    "altair": "numpy pandas jinja2",
    "holoviews": "numpy pandas param panel bokeh",
    "dask": "numpy pandas",
    "librosa": "numpy scipy joblib soundfile scikit-learn",
    "gensim": "numpy scipy",
    "spacy": "numpy requests tqdm",
    "lxml-html-clean": "lxml",
    "python-graphviz": "graphviz",
    "pytables": "tables",
    "py-xgboost": "xgboost",
    "dask-core": "dask",
    "pyqt": "pyqt5",
    "tensorflow-base": "tensorflow keras numpy",
    "bs4": "beautifulsoup4",
    "sklearn": "scikit-learn numpy scipy joblib",
}
_EVERYTHING = frozenset({"anaconda", "sage"})
"""Distributions that bring whatever a notebook may import."""


def bring_along(names: frozenset[str]) -> frozenset[str] | None:
    """Distributions (normalized) with those that they always bring; None: all there are."""
    if names & _EVERYTHING:
        return None
    found = set(names)
    pending = list(names)
    while pending:
        new = set(_BRINGS.get(pending.pop(), "").split()) - found
        found |= new
        pending += new
    return frozenset(found)
