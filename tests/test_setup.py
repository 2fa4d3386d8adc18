"""The set-up: it survives Thai folder names, other locales, and its own interruption."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import ROOT

SITE = Path(sysconfig.get_path("purelib"))
LINKS = sorted(SITE.glob("__editable__.lfsmig-*.pth"))


@pytest.mark.skipif(not LINKS, reason="lfsmig was not installed by `make setup`")
def test_python_starts_in_a_thai_folder_under_the_c_locale(tmp_path: Path) -> None:
    """A link with an absolute path is read as ASCII there, and Python ends with a traceback."""
    project = tmp_path / "โครงการ"
    (project / "py").mkdir(parents=True)
    (project / "py" / "probe_of_the_link.py").write_text("found = True\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    site = next((project / ".venv" / "lib").glob("python3*/site-packages"))
    shutil.copy(LINKS[0], site)
    environment = os.environ | {"LC_ALL": "C", "LANG": "C"}
    for name in ("PYTHONUTF8", "PYTHONPATH"):
        environment.pop(name, None)
    done = subprocess.run(
        [project / ".venv" / "bin" / "python", "-c", "import probe_of_the_link"],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    assert done.stderr == b""


@pytest.mark.skipif(os.name != "posix", reason="the script is for a Unix shell")
def test_a_half_made_environment_is_made_anew(tmp_path: Path) -> None:
    """Only what comes before the download is run: packages are not fetched in tests."""
    (tmp_path / "tools").mkdir()
    text = (ROOT / "tools" / "setup.sh").read_text(encoding="utf-8")
    cut = text.index('  say "installing Python packages')
    stopped = text[:cut] + "  exit 7\n" + text[cut:].replace("\ninstall_system\n", "\n")
    (tmp_path / "tools" / "setup.sh").write_text(stopped, encoding="utf-8")
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    made = tmp_path / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", made], check=True)
    command = ["bash", tmp_path / "tools" / "setup.sh"]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert "making .venv" in done.stderr
    pip = [made / "bin" / "python", "-m", "pip", "--version"]
    assert subprocess.run(pip, capture_output=True, check=False).returncode == 0
