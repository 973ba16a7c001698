"""Which library calls read files, write them, or do what nobody can list. Data and look-ups."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from nbtools.analysis.facts import Import
from nbtools.lazy_patterns import lazy_pattern
from nbtools.syntax import dotted_name

_READS: Mapping[str, str] = {
    "pandas": "read_csv read_table read_excel read_json read_parquet read_feather read_pickle "
    "read_hdf read_fwf read_stata read_sas read_spss read_orc read_xml ExcelFile HDFStore",
    "polars": "read_csv read_excel read_json read_ndjson read_parquet read_ipc read_avro",
    "geopandas": "read_file read_parquet read_feather",
    "numpy": "load loadtxt genfromtxt fromfile memmap recfromcsv recfromtxt",
    "matplotlib.pyplot": "imread",
    "matplotlib.image": "imread",
    "pylab": "imread loadtxt genfromtxt",
    "PIL.Image": "open",
    "cv2": "imread",
    "imageio": "imread mimread volread",
    "imageio.v2": "imread",
    "imageio.v3": "imread",
    "skimage.io": "imread imread_collection",
    "scipy.io": "loadmat readsav",
    "scipy.io.wavfile": "read",
    "scipy.misc": "imread",
    "scipy.ndimage": "imread",
    "joblib": "load",
    "sklearn.externals.joblib": "load",
    "torch": "load",
    "xarray": "open_dataset open_dataarray load_dataset load_dataarray",
    "netCDF4": "Dataset",
    "h5py": "File",
    "networkx": "read_gml read_graphml read_edgelist read_weighted_edgelist read_adjlist read_gexf "
    "read_pajek read_gpickle",
    "librosa": "load",
    "librosa.core": "load",
    "soundfile": "read",
    "nibabel": "load",
    "rasterio": "open",
    "fiona": "open",
    "astropy.io.fits": "open getdata getheader",
    "tifffile": "imread",
    "wave": "open",
    "io": "open",
    "codecs": "open",
    "gzip": "open",
    "bz2": "open BZ2File",
    "lzma": "open",
    "zipfile": "ZipFile",
    "tarfile": "open",
    "os": "listdir scandir",
    "keras.models": "load_model",
    "tensorflow.keras.models": "load_model",
    "tensorflow.python.keras.models": "load_model",
    "IPython.display": "Image SVG",
    "IPython.core.display": "Image SVG",
    "runpy": "run_path",
}
READ_CALLS = frozenset(
    f"{module}.{name}" for module, names in _READS.items() for name in names.split()
) | {"open", "run_notebook"}
"""Qualified names of what reads the file that its first argument names."""
READ_NAMES = frozenset(name.rpartition(".")[2] for name in READ_CALLS)
READ_METHODS = frozenset({"read_text", "read_bytes", "open"})  # of a pathlib.Path
READ_WORDS = tuple("open read load File txt Dataset Image SVG run listdir scandir".split())
"""A notebook with none of these words reads no file."""
TELLING_NAMES = (
    READ_NAMES
    | READ_METHODS
    | frozenset("write_text write_bytes touch chdir getcwd".split())
    | frozenset("shell shell_lines run_script write_file change_directory system popen".split())
    | frozenset("run call check_call check_output Popen getoutput".split())
)
"""Last names of calls that use files or the folder, besides those of which `effect_of` knows."""
PATH_KEYWORDS = frozenset(
    "filepath_or_buffer path_or_buf path_or_buffer path fname file filename filepath io fp uri "
    "filename_or_obj file_name image_path im".split()
)
_FILENAME_ONLY = frozenset({"IPython.display.SVG", "IPython.core.display.SVG"})

WRITE_SUFFIXES: Mapping[str, frozenset[str]] = {
    name: frozenset(suffixes.split())
    for names, suffixes in (
        ("savefig imsave imwrite write_image", ".png .pdf .svg .jpg .jpeg .eps .gif .tif .tiff"),
        ("to_csv", ".csv .tsv .txt .gz .zip .data .dat"),
        ("to_excel", ".xls .xlsx"),
        ("to_pickle", ".pkl .pickle .p .gz"),
        ("to_parquet to_feather to_orc", ".parquet .pq .feather .orc"),
        ("to_hdf", ".h5 .hdf .hdf5"),
        ("savez savez_compressed", ".npz"),
        ("to_netcdf", ".nc .nc4"),
        ("to_html write_html", ".html"),
        ("savemat", ".mat"),
    )
    for name in names.split()
}
"""What a call writes if its path cannot be known: files with one of these endings."""
_WRITES = lazy_pattern(
    r"(?:urlretrieve|download\w*|\w*_download|wget|gdown|retrieve|extract\w*|unzip\w*|untar\w*|"
    r"unpack\w*|save\w*|export\w*|imwrite|imsave|tofile|get_file|to_(?:csv|excel|pickle|parquet|"
    r"feather|orc|hdf|json|html|netcdf|zarr|file|stata|xml|latex|markdown)|write_\w+|copy(?:file|"
    r"tree|2)|move|rename|replace|make_archive|symlink|mkstemp|mkdtemp|makedirs|mkdir|"
    r"ExcelWriter|HDFStore|FileWriter|memmap|render|\w*_to_file|run_cell_magic|generate_\w*file\w*)"
)
_IN_OS_ONLY = frozenset({"rename", "replace", "copy2", "move", "mkdir", "render"})
_RUNS_ANYTHING = lazy_pattern(
    r"(?:os\.(?:system|popen|exec\w+|spawn\w+)|subprocess\.\w+|sh\.\w+|runpy\.\w+|run_notebook|"
    r"papermill\.\w+|exec|get_ipython\S*)"
)

Effect = Literal["none", "writes", "anything"]


def read_path(call: ast.Call) -> ast.expr | None:
    """The argument with the path, of a call of one of the `READ_CALLS`."""
    for keyword in call.keywords:
        if keyword.arg in PATH_KEYWORDS:
            return keyword.value
    if not call.args or isinstance(call.args[0], ast.Starred):
        return None
    return call.args[0]


def opens_for(name: str, call: ast.Call) -> Literal["read", "write"]:
    """Whether a call with a mode (second argument, or keyword) reads or writes; default: read."""
    modes = [k.value for k in call.keywords if k.arg == "mode"]
    last = name.rpartition(".")[2]
    if not modes and len(call.args) > 1 and last in ("open", "File", "Dataset", "ZipFile"):
        modes = [call.args[1]]
    if last == "HDFStore" and not modes:
        return "write"  # its default mode is "a"
    for mode in modes:
        if not isinstance(mode, ast.Constant) or not isinstance(mode.value, str):
            return "write"
        if set(mode.value) & set("wax"):
            return "write"
    return "read"


def effect_of(name: str) -> Effect:
    """What a call may do to the files beside the notebook, by its qualified name."""
    if _RUNS_ANYTHING.fullmatch(name):
        return "anything"
    module, _, last = name.rpartition(".")
    if not _WRITES.fullmatch(last) or (not module and last in _IN_OS_ONLY):
        return "none"
    if last in _IN_OS_ONLY and module not in ("os", "shutil"):
        return "none"
    return "writes"


def last_name(node: ast.expr) -> str:
    """`c` of `a.b().c`, "" if there is no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def qualify(node: ast.expr, imports: Mapping[str, str]) -> str | None:
    """The name of what is called, its first part as it was imported: `pandas.read_csv`."""
    name = dotted_name(node)
    if name is None:
        return None
    first, dot, rest = name.partition(".")
    return imports.get(first, first) + dot + rest


def imported_names(imports: Iterable[Import]) -> dict[str, str]:
    """Name in the notebook -> where it is from: `pd` -> `pandas`."""
    return {
        each.bound: each.bound
        if each.dotted
        else each.module
        if each.name is None
        else f"{each.module}.{each.name}"
        for each in imports
    }


# --- shell commands --------------------------------------------------------------------------

_HARMLESS = frozenset(
    "ls cat head tail pwd echo wc which whoami uname date grep less more tree find du df file sort "
    "cut uniq nvidia-smi free lscpu lsb_release hostname env printenv pip pip3 conda mamba apt "
    "apt-get sudo man type python --version stat diff ps top kill export true false rm sleep "
    "jupyter ipython cd chmod awk sed tr column touch mkdir set test [".split()
)
_DOWNLOADS = frozenset({"wget", "curl", "cp", "mv", "ln", "gsutil", "aws", "tee", "gunzip"})
_ARCHIVE = lazy_pattern(r"\.(?:zip|tar|tgz|tar\.\w+|tbz2?|txz|7z|rar)\b")


def effect_of_shell(command: str) -> Effect:
    """What a shell command may write: nothing, files that it names, or anything."""
    effect: Effect = "writes" if ">" in command else "none"
    for part in re.split(r"&&|\|\||[;|\n]", command):
        words = part.split()
        while words and (words[0] in ("sudo", "then", "do", "else") or "=" in words[0]):
            words = words[1:]
        if not words or words[0] in _HARMLESS or words[0].startswith("#"):
            if words[:1] == ["python"] and words[1:2] != ["--version"]:
                return "anything"
            continue
        if words[0] not in _DOWNLOADS or is_archive(part):
            return "anything"
        effect = "writes"
    return effect


def is_archive(text: str) -> bool:
    """Whether a text names an archive, from which files of other names may come."""
    return _ARCHIVE.search(text) is not None
