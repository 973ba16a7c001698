"""What a notebook that runs finds in its environment: no keys, nothing that changes Python.

Nor MPLBACKEND: CI often sets it to "agg", and then nothing would show what a notebook draws.
"""

from __future__ import annotations

from collections.abc import Mapping

_KEPT = frozenset(
    """PATH USER LOGNAME SHELL TERM LANG LANGUAGE TZ TMPDIR VIRTUAL_ENV CONDA_PREFIX
    CONDA_DEFAULT_ENV PYTHONHASHSEED SOURCE_DATE_EPOCH MPLCONFIGDIR LD_LIBRARY_PATH
    DYLD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR JAVA_HOME CUDA_HOME CUDA_VISIBLE_DEVICES
    CI NO_COLOR XDG_RUNTIME_DIR XDG_CACHE_HOME""".split()
)
_KEPT_GROUPS = ("LC_", "OMP_", "OPENBLAS_", "MKL_", "NUMEXPR_")


def scrub_environment(
    environment: Mapping[str, str], given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The variables that a notebook needs to run, and none that may hold a secret.

    It is a list of what is kept, since nobody can list what may be secret.

    Args:
        environment: The variables of this process.
        given: Those that the user wants in addition, or with other values.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name in _KEPT or name.startswith(_KEPT_GROUPS)
    }
    return kept | dict(given or {})
