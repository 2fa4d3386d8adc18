"""Control tables of a year: compared where they are there, refused where they are wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfsmig.errors import ParameterError
from lfsmig.intake.checks_weights import _age_sex
from lfsmig.intake.controls import compared_hash, control_of
from lfsmig.intake.harmonise import Harmonised
from lfsmig.intake.protocol import CHECKS, NotApplicable, Subject, judge
from lfsmig.params import Params, load
from tests.conftest import ROOT

YEAR = 2023
TABLES = [["region"], ["province", "sex"], ["age_group5", "sex"]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("controls")
    shutil.copytree(ROOT / "params", folder / "params")
    shutil.copytree(ROOT / "data" / "codebook", folder / "data" / "codebook")
    (folder / "data" / "published" / "controls").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def params(home: Path) -> Params:
    return load(home / "params")


@pytest.fixture(scope="module")
def data(params: Params) -> Harmonised:
    """One person of each province, sex and age group, heavier in the first region."""
    region_of = params.region_of()
    bands = params.country.groupings["age_group5"].bands or {}
    rows = [
        (province, region_of[province], sex, int(low or 0))
        for province, sex, (low, _) in product(
            params.codes("province"), params.codes("sex"), bands.values()
        )
        if province in region_of
    ]
    frame = pd.DataFrame(rows, columns=["province", "region", "sex", "age"])
    frame["weight"] = np.where(frame["region"] == "1", 9000.0, 1000.0)
    return Harmonised(YEAR, frame, pd.DataFrame(), {}, pd.DataFrame())


def table(params: Params, data: Harmonised) -> pd.DataFrame:
    """The control that the weights meet."""
    subject = Subject(params, YEAR, data, None, params.rules.checks["W3"])
    parts = []
    for by in TABLES:
        sums = _age_sex(subject, data.frame, by)
        sums.index = sums.index.set_names(by) if len(by) > 1 else sums.index.rename(by[0])
        parts.append(sums.rename("persons").reset_index())
    return pd.concat(parts, ignore_index=True)[
        ["region", "province", "sex", "age_group5", "persons"]
    ]


@pytest.fixture
def written(home: Path, params: Params, data: Harmonised) -> Callable[[pd.DataFrame], Path]:
    def write(made: pd.DataFrame) -> Path:
        path = home / "data" / "published" / "controls" / f"{YEAR}.csv"
        made.to_csv(path, index=False, encoding="utf-8-sig")
        return path

    return write


def part(params: Params, data: Harmonised, check: str, name: str) -> dict:
    subject = Subject(params, YEAR, data, None, params.rules.checks[check])
    return next(one for one in judge(CHECKS[check], subject)["parts"] if one["part"] == name)


PARTS = (("W2", "region"), ("W2", "province_sex"), ("W3", "control"))


def test_a_parameter_folder_named_from_where_one_stands(
    home: Path,
    params: Params,
    data: Harmonised,
    written: Callable[[pd.DataFrame], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the command line names it unless told otherwise: `params`."""
    path = written(table(params, data))
    monkeypatch.chdir(home)
    assert [part(load(Path("params")), data, *one)["status"] for one in PARTS] == ["pass"] * 3
    path.unlink()


def test_weights_are_compared_with_the_tables_of_the_year(
    params: Params, data: Harmonised, written: Callable[[pd.DataFrame], Path]
) -> None:
    good = table(params, data)
    assert [int(good[name].notna().sum()) for name in good] == [5, 154, 186, 32, 191]
    path = written(good)
    assert [part(params, data, *one)["status"] for one in PARTS] == ["pass"] * 3
    before = compared_hash(params, YEAR)
    # 1 % of the first region, 2 % of the men of one province, 1 point of one age group.
    for row, factor, (check, name), worst in (
        (good["region"].eq("1"), 1.01, PARTS[0], "1"),
        (good["province"].eq("50") & good["sex"].eq("male"), 1.02, PARTS[1], "50/male"),
        (good["age_group5"].eq("25-29") & good["sex"].eq("female"), 1.4, PARTS[2], "25-29/female"),
    ):
        other = good.assign(persons=good["persons"].where(~row, good["persons"] * factor))
        written(other)
        found = part(params, data, check, name)
        assert (found["status"], found["worst"][:1]) == ("fail", [worst]), found
    # Other numbers make the year out of date.
    assert compared_hash(params, YEAR) != before
    path.unlink()
    for one in PARTS:
        found = part(params, data, *one)
        assert (found["status"], found["reason"]) == (
            "not_applicable", f"no control table of {YEAR}",
        )  # fmt: skip


def test_a_table_that_is_not_in_the_file_is_not_compared(
    params: Params, data: Harmonised, written: Callable[[pd.DataFrame], Path]
) -> None:
    good = table(params, data)
    written(good[good["region"].notna()][["region", "persons"]])
    assert part(params, data, "W2", "region")["status"] == "pass"
    with pytest.raises(NotApplicable, match="is not by province, sex"):
        control_of(params, YEAR, ["province", "sex"])


def changed(made: pd.DataFrame, row: int, **values: object) -> pd.DataFrame:
    out = made.astype(object)
    for name, value in values.items():
        out.loc[row, name] = value
    return out


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: changed(t, 0, region="9"), "line 2: region 9 is unknown; its codes are 1, 2"),
        (lambda t: t.drop(index=1), "no line for region 2; a table is there whole or not at all"),
        (lambda t: t.drop(index=[5, 7]), "no line for province 10, sex female and 1 more"),
        (lambda t: changed(t, 2, persons="many"), "line 4: persons is many; expected a number"),
        (lambda t: changed(t, 2, persons=None), "line 4: persons is empty; expected a number"),
        (lambda t: changed(t, 2, persons=-5), "line 4: persons is -5; expected a number"),
        (lambda t: pd.concat([t, t.iloc[[3]]]), "line 193: region 4 is given twice"),
        (lambda t: changed(t, 0, sex="male"), "line 2: fills region, sex, which is no table"),
        (lambda t: t.rename(columns={"persons": "people"}), "expected a head line with region"),
        (lambda t: t.iloc[:0], "expected a head line with region"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_file_is_one_line(
    params: Params,
    data: Harmonised,
    written: Callable[[pd.DataFrame], Path],
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    says: str,
) -> None:
    written(spoil(table(params, data)))
    with pytest.raises(ParameterError) as told:
        part(params, data, "W2", "region")
    assert says in str(told.value) and f"{YEAR}.csv" in str(told.value)
    assert "\n" not in str(told.value)
