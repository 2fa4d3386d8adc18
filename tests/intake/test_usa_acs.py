"""Another country's survey by parameters alone, on records that nobody made up."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfsmig.concepts import analysis_frame, flow_columns
from lfsmig.errors import InputError
from lfsmig.intake.harmonise import Harmonised, harmonise
from lfsmig.intake.read import read_raw
from lfsmig.intake.validate import errors, validate
from lfsmig.params import Params, load
from lfsmig.params.mapping import RawFile
from tests.realdata import FOLDER, PARAMS, real


@pytest.fixture(scope="module")
def acs() -> Params:
    return load(PARAMS)


@pytest.fixture(scope="module")
def harmonised(acs: Params) -> Harmonised:
    return harmonise(acs, 2024, FOLDER)


@pytest.fixture(scope="module")
def frame(acs: Params, harmonised: Harmonised) -> pd.DataFrame:
    return analysis_frame(harmonised.frame, acs, 2024)


@pytest.fixture(scope="module")
def official() -> dict[str, dict[str, str]]:
    with (FOLDER / "official_state_mobility.csv").open(encoding="utf-8") as lines:
        return {row["fips"]: row for row in csv.DictReader(lines)}


def test_the_parameters_are_whole(acs: Params) -> None:
    assert acs.year(2024).map.variables["moved"].only_if == "age >= 1"
    assert len(acs.indicators) == 9 and acs.report.years == [2024]
    assert len(acs.codes("province")) == 51


def test_a_made_up_file_is_mapped(acs: Params, tmp_path: Path) -> None:
    """The mapping of the previous residence, code by code, without the real records."""
    head = "SERIALNO,SPORDER,STATE,PUMA,PWGTP,AGEP,SEX,CIT,NATIVITY,SCHL,MAR,ESR,COW,WKHP,PINCP"
    lines = [f"{head},WAGP,POVPIP,MIGSP"]
    for number, (age, previous) in enumerate(
        [(30, ""), (30, "2"), (30, "006"), (30, "72"), (30, "303"), (0, "")]
    ):
        lines.append(f"2024HU000000{number},1,02,00400,10,{age},1,1,1,16,1,6,,,,,,{previous}")
    (tmp_path / "acs2024_13states_min.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    import gzip

    (tmp_path / "acs2024_13states_min.csv.gz").write_bytes(
        gzip.compress((tmp_path / "acs2024_13states_min.csv").read_bytes())
    )
    made = analysis_frame(harmonise(acs, 2024, tmp_path).frame, acs, 2024)
    nan = np.nan
    for name, expected in {
        "recent_internal": [0, 0, 1, 0, 0, nan],
        "recent_international": [0, 0, 0, 1, 1, nan],
        "migrants": [0, 0, 1, 1, 1, nan],
    }.items():
        np.testing.assert_array_equal(made[name], np.array(expected, dtype=np.float32))
    assert made["previous_province"].astype(object).tolist()[1:3] == ["02", "06"]


@real
@pytest.mark.parametrize("name", ["acs2024_13states_min.csv.gz", "official_state_mobility.csv"])
def test_every_real_table_is_received(name: str) -> None:
    """Records and published table, without being told how they are written."""
    table = read_raw(FOLDER, RawFile(path=name))
    assert table.rows == len(pd.read_csv(FOLDER / name, dtype=str))
    assert table.facts["delimiter"] == "," and table.facts["encoding"] == "utf-8"
    assert table.facts["complete_last_line"] is True


@real
def test_a_real_list_of_labels_is_no_table_of_records() -> None:
    """It has no line of column names."""
    with pytest.raises(InputError, match="column 6 has no name"):
        read_raw(FOLDER, RawFile(path="pums_dict_2023_subset.csv"))


@real
def test_population_is_the_published_one(
    frame: pd.DataFrame, official: dict[str, dict[str, str]]
) -> None:
    totals = frame.groupby("province", observed=True)["weight"].sum()
    assert {code: round(total) for code, total in totals.items()} == {
        code: int(row["pop_total"]) for code, row in official.items()
    }


@real
def test_in_migrants_are_near_the_published_ones(
    frame: pd.DataFrame, official: dict[str, dict[str, str]]
) -> None:
    """Within 1.96 standard errors in at least 12 of 13 states, by a plain estimate of the error."""
    flag = (frame["recent_internal"] == 1).to_numpy()
    near = 0
    for code, row in official.items():
        here = (frame["province"] == code).to_numpy()
        weighted = pd.Series(np.where(flag, frame["weight"], 0.0))[here]
        units = weighted.groupby([frame["stratum"][here], frame["psu"][here]]).sum()
        sizes = units.groupby(level=0).transform("size")
        deviation = units - units.groupby(level=0).transform("mean")
        error = np.sqrt((deviation**2 * sizes / (sizes - 1)).sum())
        near += abs(weighted.sum() - float(row["in_est"])) <= 1.96 * error
    assert near >= 12


@real
def test_what_is_not_asked_is_absent(frame: pd.DataFrame) -> None:
    absent = frame.attrs["absent"]
    assert absent["remittance_sender"] == (
        "sent_remittances: the survey does not ask for remittances"
    )
    assert absent["lifetime"].startswith("birth_province: ")
    assert {"foreign_born", "recent_internal", "recent_international"} <= set(frame.columns)


@real
def test_validation_finds_no_error(acs: Params, harmonised: Harmonised) -> None:
    results = validate(acs, 2024, harmonised)
    assert errors(results) == []
    done = {one["id"] for one in results if one["status"] == "pass"}
    assert {"S4", "K1", "D1", "D2", "W1", "M1", "M2", "L1"} <= done


@real
def test_children_under_one_have_no_residence_a_year_ago(frame: pd.DataFrame) -> None:
    assert frame.loc[frame["age"] == 0, "migrants"].isna().all()
    assert frame.loc[frame["age"] >= 1, "migrants"].notna().all()


@real
def test_flows_between_states(frame: pd.DataFrame) -> None:
    flows = flow_columns(frame, level="province")
    assert (
        flows["in_province_02"].sum()
        == ((frame["recent_internal"] == 1) & (frame["province"] == "02")).sum()
    )
