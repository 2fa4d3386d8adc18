"""Quarto's post-render step: mend what was just made."""

import os
from pathlib import Path

from lfsmig.report.quartoroad import finish

made = os.environ.get("QUARTO_PROJECT_OUTPUT_FILES", "").splitlines()
finish(Path.cwd(), Path(os.environ["QUARTO_PROJECT_OUTPUT_DIR"]), [Path(name) for name in made])
