"""A linear run by a real Jupyter kernel, by way of nbclient, to check our own engine against.

It takes fifty times as long to start, and needs nbclient here and ipykernel in the interpreter
that runs the notebook. What the kernel sends is put into the same records as the worker's events.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Any

from nbtools.errors import NbtoolsError
from nbtools.run.executed import read_output
from nbtools.run.job import Job, JobCell
from nbtools.run.session import Limits, Listener
from nbtools.run.trace import CellError, CellRun, Ending, Trace

_VERSIONS = "import ipykernel, platform; print(platform.python_version(), ipykernel.__version__)"


def run_in_kernel(
    job: Job,
    python: str,
    limits: Limits,
    *,
    environment: Mapping[str, str],
    listener: Listener,
) -> Trace:
    """Execute a Jupyter notebook's code in a kernel, and give what every cell did.

    Args:
        job: A linear job.
        python: The interpreter, which must have ipykernel.
        limits: Only the seconds of a cell and of the run are kept to.
        environment: All variables of the kernel.
        listener: Is told of every cell when it starts and ends.

    Raises:
        NbtoolsError: nbclient or ipykernel is not installed, or the kernel does not start.
    """
    version, kernel = _ask_versions(python)
    start = time.monotonic()
    runs, ending = _Kernel(job, limits, listener).run(python, environment)
    found = {run.cell: run for run in runs}
    for index in job.skipped:
        found[index] = CellRun(index, "skipped")
    for cell in job.cells:
        found.setdefault(cell.index, CellRun(cell.index, "not-run"))
    return Trace(
        "linear",
        tuple(found[index] for index in sorted(found)),
        ending,
        python=version,
        engine=f"ipykernel {kernel}",
        seconds=time.monotonic() - start,
    )


def _ask_versions(python: str) -> tuple[str, str]:
    command = [python, "-c", _VERSIONS]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if asked.returncode:
        raise NbtoolsError(f"--engine kernel: {python} has no ipykernel: install it there")
    version, kernel = asked.stdout.split()
    return version, kernel


class _Kernel:
    """One run, cell after cell."""

    def __init__(self, job: Job, limits: Limits, listener: Listener) -> None:
        self.job, self.limits, self.listener = job, limits, listener
        self.runs: list[CellRun] = []
        self.ends = time.monotonic() + limits.seconds if limits.seconds else None

    def run(self, python: str, environment: Mapping[str, str]) -> tuple[list[CellRun], Ending]:
        try:
            with TemporaryDirectory() as private:
                client = _make_client(python, private)
                with client.setup_kernel(
                    cwd=self.job.folder,
                    env=dict(environment),
                    stdout=subprocess.DEVNULL,  # what cells print comes as messages
                    stderr=subprocess.DEVNULL,
                ):
                    return self.runs, self.run_cells(client)
        except RuntimeError as error:  # nbclient's, if the kernel does not answer
            raise NbtoolsError(f"--engine kernel: the kernel did not start: {error}") from None
        except KeyboardInterrupt:
            return self.runs, Ending("interrupted")

    def run_cells(self, client: Any) -> Ending:
        for turn, cell in enumerate(self.job.cells, start=1):
            self.listener.on_start(cell.index)
            run, ending = self.run_cell(client, cell, turn)
            self.runs.append(run)
            self.listener.on_end(run)
            if ending is not None:
                return ending
        return Ending("finished")

    def run_cell(self, client: Any, cell: JobCell, turn: int) -> tuple[CellRun, Ending | None]:
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        begun = time.monotonic()
        ending: Ending | None = None
        node = _add_cell(client, cell.source)
        client.timeout = self.seconds_left()
        error: CellError | None = None
        status = "ok"
        try:
            client.execute_cell(node, len(client.nb.cells) - 1)
            if cell.assigns:
                client.execute_cell(_add_cell(client, cell.assigns), len(client.nb.cells) - 1)
        except CellTimeoutError:
            status, ending = "timed-out", Ending("timed-out", cell.index, "it took too long")
        except DeadKernelError:
            status, ending = "died", Ending("died", cell.index, "the kernel died")
        except CellExecutionError as raised:
            status, error = "error", CellError(raised.ename, raised.evalue)
            if not cell.raises:
                ending = Ending("error", cell.index)
        run = CellRun(
            cell.index,
            status,  # type: ignore[arg-type]
            tuple(map(read_output, node.outputs)),
            time.monotonic() - begun,
            error,
            expected=status == "error" and cell.raises,
            turn=turn,
        )
        return run, ending

    def seconds_left(self) -> int | None:
        """Nbclient's timeout of a cell: whole seconds, or None for as long as it takes."""
        left = [self.limits.cell_seconds] if self.limits.cell_seconds else []
        if self.ends is not None:
            left.append(self.ends - time.monotonic())
        return max(int(min(left)), 1) if left else None


def _make_client(python: str, private: str) -> Any:
    """A client whose kernel is reached by files in a folder of ours: no open port."""
    try:
        import nbformat.v4
        from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
        from jupyter_client.manager import AsyncKernelManager
        from nbclient import NotebookClient
    except ImportError:
        raise NbtoolsError(
            "--engine kernel needs nbclient: pip install 'nbtools[kernel]'"
        ) from None

    class Specs(KernelSpecManager):
        """Knows one kernel: that of the interpreter, whatever is registered."""

        def get_kernel_spec(self, kernel_name: str) -> Any:
            command = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=command, display_name=kernel_name, language="python")

    notebook = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    manager = AsyncKernelManager(
        kernel_spec_manager=Specs(),
        kernel_name="python3",
        connection_file=os.path.join(private, "kernel.json"),
        transport="ipc",
    )
    return NotebookClient(notebook, km=manager)


def _add_cell(client: Any, source: str) -> Any:
    import nbformat.v4

    client.nb.cells.append(nbformat.v4.new_code_cell(source))  # type: ignore[no-untyped-call]
    return client.nb.cells[-1]
