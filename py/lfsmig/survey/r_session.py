"""A quiet, locale-proof line to R: arrays go in as memory views, plain arrays come back.

Only rpy2's low-level interface is used. Its conversion rules for data frames are a hundred times
slower here and read R's integer NA as a number. R is started at the first call and never on
import, so that everything else works on a machine without it.
"""

from __future__ import annotations

import locale
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lfsmig.errors import EstimationError, MissingDependency

R_FILES = (
    "design.R", "replicates.R", "calibration.R", "intervals.R", "inequality.R", "estimate.R",
    "covariance.R", "change.R", "indices.R", "models.R", "tests.R", "frame.R", "session.R",
    "chapter.R",
)  # fmt: skip
INSTALL = (
    "apt-get install r-base-core r-cran-survey r-cran-jsonlite, then pip install '.[r]'; "
    "or use --engine python"
)
SURVEY = "survey"
LIBRARY_PATH = "LD_LIBRARY_PATH"
NA_INTEGER = np.int32(-(2**31))


def r_folder() -> Path:
    """Folder of the R functions, beside the package's source tree."""
    folder = Path(__file__).resolve().parents[3] / "r"
    if not (folder / "estimate.R").is_file():
        raise MissingDependency(
            "the R functions (folder r/ of the project) are not beside the package; "
            "install it from a clone with pip install -e '.[r]', or use --engine python"
        )
    return folder


@cache
def _interface() -> Any:
    """Import rpy2 and start R, or say what is missing and how to install it."""
    try:
        from rpy2 import situation
    except ImportError:
        raise MissingDependency(f"rpy2 is not installed: {INSTALL}") from None
    # rpy2 looks for R as well, but prints its own complaint where there is none.
    if not os.environ.get("R_HOME") and shutil.which("R") is None and os.name != "nt":
        raise MissingDependency(f"R is not installed: {INSTALL}")
    with _mute():
        home = situation.get_r_home()
    if not home or not Path(home).is_dir():
        raise MissingDependency(f"R is not installed: {INSTALL}")
    kept = [(c, locale.setlocale(c)) for c in (locale.LC_CTYPE, locale.LC_COLLATE, locale.LC_TIME)]
    libraries = os.environ.get(LIBRARY_PATH)
    try:
        with _mute():
            from rpy2 import rinterface
            from rpy2.rinterface_lib import callbacks

            _silence(callbacks, _ignore, _ignore)
            rinterface.initr()
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MissingDependency(f"R cannot be started from Python ({first}): {INSTALL}") from None
    finally:
        # R sets the whole process to the machine's locale; Python code keeps its own.
        for category, name in kept:
            locale.setlocale(category, name)
        # rpy2 puts R's library folders before all others for every child of this process, though
        # R itself is loaded by now. A child that is another build of Python than the system's
        # would then load the system's libpython, and fail at its first extension module.
        if libraries is None:
            os.environ.pop(LIBRARY_PATH, None)
        else:
            os.environ[LIBRARY_PATH] = libraries
    return rinterface


@contextmanager
def _mute() -> Iterator[None]:
    """Drop what R's start and rpy2's search for it print: what matters comes as an exception.

    R writes to the process's own stderr before anything can be put in its way.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    stream = sys.stderr
    try:
        os.dup2(nowhere, 2)
        with Path(os.devnull).open("w", encoding="utf-8") as sys.stderr:
            yield
    finally:
        sys.stderr = stream
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _ignore(text: str) -> None:
    """Drop what R would print; errors come back as values."""


def _silence(callbacks: Any, printed: Any, warned: Any) -> None:
    callbacks.consolewrite_print = printed
    callbacks.consolewrite_warnerror = warned


@contextmanager
def _quiet(rinterface: Any) -> Iterator[None]:
    """Keep R's console out of notebooks during a call, whoever else uses R in this process."""
    from rpy2.rinterface_lib import callbacks, openrlib

    before = callbacks.consolewrite_print, callbacks.consolewrite_warnerror
    with openrlib.rlock:
        _silence(callbacks, _ignore, _ignore)
        try:
            yield
        finally:
            _silence(callbacks, *before)


@cache
def _functions() -> Any:
    """Load our R functions into an environment of their own."""
    rinterface = _interface()
    with _quiet(rinterface):
        base = rinterface.baseenv
        has_survey = base["requireNamespace"](text(SURVEY), quietly=flag(True))
        if not bool(has_survey[0]):
            raise MissingDependency(f"R's package survey is not installed: {INSTALL}")
        room = base["new.env"](parent=rinterface.globalenv)
        for name in R_FILES:
            path = r_folder() / name
            if path.is_file():
                base["sys.source"](text(os.fspath(path)), envir=room)
        room["fix_locale"]()
    return room


def call(name: str, *arguments: Any, **named: Any) -> Any:
    """Call one of our R functions; R's error becomes one exception with R's words."""
    room = _functions()
    rinterface = _interface()
    with _quiet(rinterface):
        packed = rinterface.ListSexpVector(list(arguments) + list(named.values()))
        if named:
            packed.names = rinterface.StrSexpVector([""] * len(arguments) + list(named))
        result = room["answer"](room[name], packed)
        if result.names[0] == "error":
            words = " ".join(str(result[0][0]).split())
            raise EstimationError(f"R: {words}")
        return result[0]


def versions() -> dict[str, str]:
    """Versions of R and survey, for manifests."""
    rinterface = _interface()
    _functions()
    with _quiet(rinterface):
        base = rinterface.baseenv
        survey = base["as.character"](base["getNamespaceVersion"](text("survey")))
        return {"R": str(base["as.character"](base["getRversion"]())[0]), "survey": str(survey[0])}


# ---- values into R ------------------------------------------------------------------------


def null() -> Any:
    """R's NULL."""
    return _interface().NULL


def numbers(values: np.ndarray) -> Any:
    """Pass float64 values; NaN is missing for R too."""
    array: Any = np.ascontiguousarray(values, dtype="float64")
    return _interface().FloatSexpVector.from_memoryview(memoryview(array))


def matrix(values: np.ndarray) -> Any:
    """Pass a matrix of float64 values."""
    vector = numbers(values.ravel(order="F"))
    shape = {"nrow": integers(np.array([values.shape[0]]))}
    return _interface().baseenv["matrix"](vector, **shape)


def integers(values: np.ndarray) -> Any:
    """Pass int32 values."""
    array: Any = np.ascontiguousarray(values, dtype="int32")
    return _interface().IntSexpVector.from_memoryview(memoryview(array))


def logicals(values: np.ndarray) -> Any:
    """Pass true/false values."""
    vector = integers(values.astype("int32"))
    return _interface().baseenv["as.logical"](vector)


def flag(value: bool) -> Any:
    """Pass one true/false."""
    return _interface().BoolSexpVector([value])


def text(*values: str) -> Any:
    """Pass text."""
    return _interface().StrSexpVector(list(values))


def factor(codes: np.ndarray, levels: Sequence[str]) -> Any:
    """Pass a factor from codes 0..k-1 with -1 for missing; its class is set inside R."""
    from_one = np.where(codes < 0, NA_INTEGER, codes + 1).astype("int32")
    return call("encoded_factor", integers(from_one), text(*levels))


def listed(values: Sequence[Any], names: Sequence[str] | None = None) -> Any:
    """Pass a list, named or not."""
    vector = _interface().ListSexpVector(list(values))
    if names:
        vector.names = text(*names)
    return vector


# ---- values out of R ----------------------------------------------------------------------


def fields(result: Any) -> Mapping[str, Any]:
    """Read a named R list as a mapping of R values."""
    if result.typeof == _interface().NULL.typeof:
        return {}
    return dict(zip(result.names, result, strict=True))


def array(vector: Any) -> np.ndarray:
    """Read a numeric or integer vector, missing values as NaN."""
    # A matrix arrives with two dimensions; R counts down its columns. It is not read by rpy2's
    # memoryview(), which drops a reference to None at each call: after some 60,000 of them Python
    # dies ("deallocating None"), which a long session reaches.
    values = np.array(vector).ravel(order="F")
    if values.dtype == np.int32 and (values == NA_INTEGER).any():
        return np.where(values == NA_INTEGER, np.nan, values.astype("float64"))
    return values.astype("float64") if values.dtype == np.int32 else values
