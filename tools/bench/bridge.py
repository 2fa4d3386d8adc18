"""One year's frame into R: `frame_to_r` against rpy2's own conversion, and what R keeps of it."""

from __future__ import annotations

from typing import Any

import frame as frames
import measure
import pandas as pd
from isolated import isolated

FRAMES = {
    "220,000 x 37, factors, numbers with NA, text": (frames.wide_frame, 100),
    "220,000 x 37, encoded numbers only": (frames.numeric_frame, 500),
}


def ours(kind: str, repeats: int, clock: str) -> dict[str, Any]:
    """Seconds, and R's heap before and after: what is kept is the data once."""
    from lfsmig.survey import r_session
    from lfsmig.survey.r_frame import frame_to_r

    frame = FRAMES[kind][0]()
    gc = r_session._interface().baseenv["gc"]
    r_session.versions()
    frame_to_r(frame.iloc[:10])

    def heap() -> float:
        return list(gc())[3] * 2**20  # MB of vectors in use, second row of the second column

    before = heap()
    resident = measure.resident()
    held: list[Any] = []
    peak = measure.peak_over(resident, lambda: held.append(frame_to_r(frame)))
    kept = heap() - before
    held.clear()
    seconds = measure.median_seconds(lambda: frame_to_r(frame), repeats, clock)
    return {"seconds": seconds, "kept": kept, "peak": peak, "data": in_r(frame)}


def in_r(frame: pd.DataFrame) -> int:
    """Bytes of the data in R's types: 8 a double or text, 4 anything else."""
    wide = sum(
        pd.api.types.is_float_dtype(kind) or pd.api.types.is_string_dtype(kind)
        for kind in frame.dtypes
        if not isinstance(kind, pd.CategoricalDtype)
    )
    return len(frame) * (8 * int(wide) + 4 * (len(frame.columns) - int(wide)))


def theirs(kind: str, clock: str) -> float:
    """Seconds of rpy2's pandas2ri; once, it takes long."""
    from rpy2 import robjects
    from rpy2.robjects import pandas2ri

    frame = FRAMES[kind][0]()
    converter = robjects.default_converter + pandas2ri.converter

    def work() -> None:
        with converter.context():
            robjects.conversion.get_conversion().py2rpy(frame)

    return measure.median_seconds(work, 1, clock, warm=False)


def run(repeats: int, clock: str) -> None:
    print(
        f"\n{'a year into R':<53}{'ours':>9}{'pandas2ri':>10}{'ratio':>8}{'wanted':>8}"
        f"{'data in R':>11}{'R keeps':>10}{'peak':>10}"
    )
    for kind, (_, wanted) in FRAMES.items():
        us = isolated(ours, kind, repeats, clock)
        them = isolated(theirs, kind, clock)
        print(
            f"{kind:<53}{us['seconds']:>8.4f}s{them:>9.2f}s{them / us['seconds']:>7,.0f}x"
            f"{wanted:>7,.0f}x{measure.mebibytes(us['data']):>11}"
            f"{measure.mebibytes(us['kept']):>10}{measure.mebibytes(us['peak']):>10}",
            flush=True,
        )
