"""Quarto's pre-render step: what must be there and right before the first chapter."""

import os
import sys
from pathlib import Path

from lfsmig.errors import LfsmigError
from lfsmig.report.quartoroad import prepare

try:
    prepare(Path.cwd(), os.environ)
except LfsmigError as error:
    sys.exit(f"lfsmig: {error}")
