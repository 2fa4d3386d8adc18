"""What the benchmark stands on: a frame of exact sizes, a comparison and a meter that can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCH = Path(__file__).resolve().parents[1] / "tools" / "bench"


@pytest.fixture(scope="module")
def bench() -> Any:
    """Import the benchmark's modules, which lie outside the package."""
    sys.path.insert(0, str(BENCH))
    try:
        import engines
        import frame
        import measure
    finally:
        sys.path.remove(str(BENCH))
    return {"engines": engines, "frame": frame, "measure": measure}


def test_sections_are_all_but_the_longest_unless_named() -> None:
    """`make bench` names none: the parser must take that, and refuse an unknown one."""
    command = [sys.executable, str(BENCH), "--list"]
    named = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert named == ["engines", "bridge", "scaling", "intake", "pipeline"]
    assert subprocess.run([*command, "motor"], capture_output=True, check=False).returncode == 2


def test_a_year_has_the_sizes_it_says(bench: Any) -> None:
    frames = bench["frame"]
    year = frames.year_frame(2019)
    assert len(year) == 220_000
    assert year["stratum"].nunique() == 153
    assert year["psu"].nunique() == 5_970
    assert year["province"].nunique() == 77
    assert len(year[["province", "sex", "age_group"]].drop_duplicates()) == 2_464
    assert (year.groupby("psu")["stratum"].nunique() == 1).all()
    assert year.groupby("stratum")["psu"].nunique().min() >= 2
    # Households lie in one PSU, their members one after the other.
    assert (year.groupby("household")["psu"].nunique() == 1).all()
    assert (np.diff(year["household"]) >= 0).all()
    assert year.equals(frames.year_frame(2019))
    assert not year.equals(frames.year_frame(2019, seed=2))


def test_frames_for_r_have_37_columns(bench: Any) -> None:
    frames = bench["frame"]
    assert frames.wide_frame().shape == (220_000, 37)
    kinds = [str(kind) for kind in frames.numeric_frame().dtypes]
    assert (kinds.count("int32"), kinds.count("float64")) == (28, 9)


def test_engines_that_differ_are_seen(bench: Any) -> None:
    difference = bench["engines"].difference
    python = {"keys": ["a", "b"], "estimate": np.array([1.0, 2]), "se": np.array([0.1, 0.2])}
    same = {"keys": ["b", "a"], "estimate": np.array([2.0, 1]), "se": np.array([0.2, 0.1])}
    assert difference(python, same) == 0
    assert difference(python, same | {"se": np.array([0.2, 0.1001])}) == pytest.approx(
        1e-3, rel=0.01
    )
    with pytest.raises(SystemExit, match="different rows"):
        difference(python, same | {"keys": ["b", "c"]})


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")
def test_the_meter_sees_memory_that_is_given_back(bench: Any) -> None:
    measure = bench["measure"]

    def work() -> None:
        np.ones(8_000_000).sum()  # 64 MB, gone when the work is done

    assert measure.peak_over(measure.resident(), work) > 50e6
    assert measure.peak_over(measure.resident(), lambda: None) < 20e6
