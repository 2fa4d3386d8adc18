"""One kernel per process for all its chapters: loading libraries takes most of a chapter's time.

A chapter must find what it would find in a kernel of its own. So before each one the names of the
one before are dropped, and this package is loaded anew: what it remembers belongs to one chapter,
one language, one data root. Libraries stay loaded.
"""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager
    from traitlets.config import Config

PREFIX = "LFSMIG_"
START_SECONDS = 60
# What nearly every chapter needs, loaded while this process still gets ready.
FIRST = "import pandas, matplotlib.pyplot"

FRESH = """
import os as _os, sys as _sys
for _name in [name for name in _os.environ if name.startswith({prefix!r})]:
    del _os.environ[_name]
_os.environ.update({places!r})
_os.chdir({root!r})
for _name in [name for name in _sys.modules if name.partition(".")[0] == {package!r}]:
    del _sys.modules[_name]
get_ipython().reset(new_session=True)
"""


class SharedKernel:
    """A kernel that this process keeps, started when it is first needed."""

    def __init__(self) -> None:
        self._manager: AsyncKernelManager | None = None
        self._stack = ExitStack()

    def fresh(self, root: Path) -> AsyncKernelManager:
        """Return the running kernel as a new one would be: in `root`, with our variables.

        Raises
        ------
        RuntimeError
            If the kernel does not start or does not answer.
        """
        from jupyter_core.utils import run_sync

        self.start()
        places = {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
        package = __name__.partition(".")[0]
        code = FRESH.format(prefix=PREFIX, places=places, root=str(root), package=package)
        run_sync(_run)(self._manager, code)
        assert self._manager is not None
        return self._manager

    def end(self) -> None:
        """End the kernel; the next chapter gets another one."""
        from jupyter_core.utils import run_sync

        manager, self._manager = self._manager, None
        if manager is not None:
            with suppress(Exception):
                run_sync(manager.shutdown_kernel)(now=True)
        self._stack.close()

    def start(self) -> None:
        """Start the kernel unless it runs, and do not wait: it loads libraries meanwhile."""
        if self._manager is not None:
            return
        from jupyter_client.manager import AsyncKernelManager
        from jupyter_core.utils import run_sync

        manager = AsyncKernelManager(kernel_name="python3", config=self._connection())
        # The kernel's own messages are not for the reader of the progress.
        quiet, first = "--log-level=50", f"--IPKernelApp.exec_lines={FIRST}"
        run_sync(manager.start_kernel)(extra_arguments=[quiet, first])
        self._manager = manager

    def _connection(self) -> Config:
        """Connect by socket files of its own, where the system has them.

        Kernels that start at the same moment, in two processes or two builds, can be given the
        same TCP port; the second one dies.
        """
        from traitlets.config import Config

        if os.name != "posix":
            return Config()
        folder = self._stack.enter_context(TemporaryDirectory(prefix="lfsmig-"))
        return Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})


async def _run(manager: AsyncKernelManager, code: str) -> None:
    client: Any = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=START_SECONDS)
        reply = await client.execute_interactive(
            code, store_history=False, allow_stdin=False, output_hook=lambda _: None
        )
        if reply["content"]["status"] != "ok":
            raise RuntimeError(str(reply["content"].get("evalue", "no answer")))
    finally:
        client.stop_channels()


shared = SharedKernel()
atexit.register(shared.end)
