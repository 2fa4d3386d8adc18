"""Faults of files, keys, sample and weights, planted in the harmonised year."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from faults.case import Case, copy_rows, drop, every, fault, households, put, scale, where


def all_of(case: Case) -> np.ndarray:
    return np.ones(len(case.frame), bool)


# --- files ---------------------------------------------------------------------------------------


@fault("a variable is mapped nowhere", "S1")
def lost_variable(case: Case) -> Case:
    return case.with_frame(case.frame.drop(columns="reason"))


@fault("numbers arrive as text", "S2")
def text_for_numbers(case: Case) -> Case:
    return case.with_frame(case.frame.assign(hours_main=case.frame["hours_main"].astype(str)))


@fault("a category lost its list of codes", "S2")
def category_as_text(case: Case) -> Case:
    return case.with_frame(case.frame.assign(sector=case.frame["sector"].astype(object)))


@fault("interviews of the third quarter", "S3")
def third_quarter(case: Case) -> Case:
    return put(case, "month", every(case, 3), 9)


@fault("the month is blank", "S3")
def no_month(case: Case) -> Case:
    return put(case, "month", every(case, 500), pd.NA)


@fault("the sex of a few persons is lost", "S4", "design")
def no_sex(case: Case) -> Case:
    return put(case, "sex", every(case, 4000), None)


@fault("the age of one person is lost", "S4", "design")
def no_age(case: Case) -> Case:
    return put(case, "age", np.arange(len(case.frame)) == 7, pd.NA)


@fault("a province that there is not", "S4", "design")
def strange_province(case: Case) -> Case:
    return put(case, "province", every(case, 3000), "99")


@fault("education in codes of another list", "S4", "other")
def strange_education(case: Case) -> Case:
    return put(case, "education", every(case, 100, where(case, "age >= 15")), "grade_7")


def _typed(case: Case, change: dict[str, str], drop_name: str = "") -> Case:
    files = [dict(one) for one in case.now.receipt["files"]]  # type: ignore[attr-defined]
    kinds = {k: v for k, v in files[0]["types"].items() if k != drop_name} | change
    files[0] = files[0] | {"types": kinds}
    return case.with_receipt(files=files)


@fault("a column changed from number to text", "S5")
def retyped(case: Case) -> Case:
    # The year before came as a text file without types, so the layout of this one stands for it.
    same = replace(case, before=replace(case.now, year=2022))
    return _typed(same, {"MONTH": "text"})


@fault("a column is new and another gone", "S5")
def new_column(case: Case) -> Case:
    return _typed(replace(case, before=replace(case.now, year=2022)), {"TENURE": "number"}, "REG")


@fault("the module holds other ages than the labour file", "S6")
def module_disagrees(case: Case) -> Case:
    [merge] = case.now.receipt["merges"]  # type: ignore[misc]
    return case.with_receipt(merges=[{**merge, "disagree": {"AGE": 60}}])


@fault("a column with the citizen number", "C1", "columns")
def citizen_number(case: Case) -> Case:
    return _typed(case, {"CITIZEN_ID": "text"})


@fault("a released cell of two persons", "C1", "output")
def telling_cell(case: Case) -> Case:
    keys = {"indicator": "migrants.total", "domain": '{"region":"1"}', "category": ""}
    cells = [{**keys, "flag": "", "n_cases": 2.0}, {**keys, "flag": "c", "n_cases": 3.0}]
    return replace(case, released=pd.DataFrame(cells))


# --- keys ----------------------------------------------------------------------------------------


@fault("all persons stand in the file twice", "K1")
def doubled_persons(case: Case) -> Case:
    return copy_rows(case, all_of(case))


@fault("line numbers run on from 1 for everybody", "K1")
def same_number(case: Case) -> Case:
    return put(case, "person_no", every(case, 900, where(case, "person_no == 2")), 1)


@fault("persons copied inside their household", "K2", "persons")
def copied_person(case: Case) -> Case:
    rows = every(case, 500, where(case, "age >= 30"))
    return copy_rows(case, rows, person_no=lambda numbers: numbers + 40)


@fault("a household copied under another number", "K2", "households")
def copied_household(case: Case) -> Case:
    rows = where(case, "household_size == 3") & households(case, 5)
    return copy_rows(case, rows, household_id=lambda keys: keys + "-2")


@fault("households made up from a neighbour's members", "K2", "members")
def made_up_household(case: Case) -> Case:
    rows = where(case, "household_size >= 4") & households(case, 9)
    return copy_rows(case, rows, household_id=lambda keys: keys + "-2", hours_main=1.0)


@fault("the records of households not interviewed are lost", "K3", "plan")
def no_blanks(case: Case) -> Case:
    return case.with_blanks(case.now.blanks.iloc[: len(case.now.blanks) // 2])


@fault("households not interviewed are counted twice", "K3", "blank")
def blanks_twice(case: Case) -> Case:
    return case.with_blanks(pd.concat([case.now.blanks, case.now.blanks.head(3)]))


@fault("interviewed households have a blank record too", "K3", "blank")
def blank_and_met(case: Case) -> Case:
    blanks = case.now.blanks.copy()
    blanks.loc[:1, "household_id"] = case.frame["household_id"].iloc[0]
    return case.with_blanks(blanks)


@fault("two heads in a household", "K4", "heads")
def two_heads(case: Case) -> Case:
    return put(case, "relation", every(case, 20, where(case, "relation == 'spouse'")), "head")


@fault("heads are lost with their records", "K4", "heads")
def no_heads(case: Case) -> Case:
    return drop(case, every(case, 30, where(case, "relation == 'head'")))


@fault("the last member of households is lost", "K4", "members")
def lost_members(case: Case) -> Case:
    return drop(case, every(case, 40, where(case, "person_no == 3")))


@fault("last year's file under this year's number, its year and months changed", "K5", "records")
def last_years_file(case: Case) -> Case:
    assert case.before is not None
    return case.with_frame(case.before.frame.assign(year=2023))


@fault("last year's weights, with households numbered anew", "K5", "weights")
def last_years_weights(case: Case) -> Case:
    assert case.before is not None
    frame = case.before.frame
    numbers = pd.Series(pd.factorize(frame["household_id"])[0] + 1).astype(str)
    return case.with_frame(frame.assign(year=2023, household_id=numbers.to_numpy()))


# --- design --------------------------------------------------------------------------------------


@fault("a stratum is dropped", "D1", "numbers")
def dropped_stratum(case: Case) -> Case:
    return drop(case, (case.frame["stratum"] == "50-1").to_numpy(dtype=bool))


@fault("a province is dropped", "D1", "numbers")
def dropped_province(case: Case) -> Case:
    return drop(case, where(case, "province == '38'"))


@fault("a province stands in another region", "D1", "regions")
def moved_province(case: Case) -> Case:
    return put(case, "region", where(case, "province == '60'"), "5")


@fault("a stratum under another name", "D1", "lost")
def renamed_stratum(case: Case) -> Case:
    rows = (case.frame["stratum"] == "50-1").to_numpy(dtype=bool)
    return put(case, "stratum", rows, "50-9")


@fault("a stratum is left with one area", "D2", "lonely")
def lonely_stratum(case: Case) -> Case:
    rows = (case.frame["stratum"] == "50-1").to_numpy(dtype=bool)
    first = case.frame.loc[rows, "psu"].iloc[0]
    return drop(case, rows & (case.frame["psu"] != first).to_numpy(dtype=bool))


@fault("a tenth of the areas is missing", "D2", "total")
def missing_areas(case: Case) -> Case:
    return drop(case, pd.factorize(case.frame["psu"])[0] % 10 == 0)


@fault("neighbouring areas under one number", "D3")
def merged_areas(case: Case) -> Case:
    numbers = pd.factorize(case.frame["psu"])[0]
    names = case.frame["psu"].drop_duplicates().to_numpy()
    merged = np.where(numbers % 10 == 1, numbers - 1, numbers)
    return case.with_frame(case.frame.assign(psu=pd.Series(names[merged], dtype="str")))


@fault("a tenth of the households is missing", "D4", "households")
def missing_households(case: Case) -> Case:
    return drop(case, households(case, 10))


def not_met(case: Case, rows: np.ndarray) -> Case:
    """Turn households into blank records."""
    blanks = case.frame.loc[rows, list(case.now.blanks.columns)].drop_duplicates("household_id")
    both = pd.concat([case.now.blanks.astype(object), blanks.astype(object)])
    return drop(case.with_blanks(both), rows)


@fault("most households of a province did not answer", "D4", "low")
def silent_province(case: Case) -> Case:
    first = case.frame["household_id"].where(case.frame["province"] == "50").dropna().unique()
    keep = case.frame["household_id"].isin(first[: len(first) // 3]).to_numpy(dtype=bool)
    return not_met(case, where(case, "province == '50'") & ~keep)


@fault("response of a province falls by half", "D4", "fall")
def falling_province(case: Case) -> Case:
    return not_met(case, where(case, "province == '30'") & households(case, 2))


# --- weights -------------------------------------------------------------------------------------


@fault("a weight of zero", "W1")
def zero_weight(case: Case) -> Case:
    return put(case, "weight", every(case, 5000), 0.0)


@fault("a weight is missing", "W1")
def no_weight(case: Case) -> Case:
    return put(case, "weight", every(case, 9000), np.nan)


@fault("a weight below zero", "W1")
def negative_weight(case: Case) -> Case:
    return put(case, "weight", every(case, 9000), -120.0)


@fault("weights times 1,000", "W2", "national")
def weights_in_thousands(case: Case) -> Case:
    return scale(case, all_of(case), 1000.0)


@fault("weights normalised to the number of records", "W2", "national")
def normalised_weights(case: Case) -> Case:
    return scale(case, all_of(case), 1 / float(case.frame["weight"].mean()))


@fault("the weights of two regions are interchanged", "W2", "region")
def interchanged_regions(case: Case) -> Case:
    return scale(scale(case, where(case, "region == '3'"), 1.5), where(case, "region == '4'"), 0.7)


@fault("the weights of men and women of a province are interchanged", "W2", "province_sex")
def interchanged_sexes(case: Case) -> Case:
    men = where(case, "province == '20' and sex == 'male'")
    women = where(case, "province == '20' and sex == 'female'")
    return scale(scale(case, men, 1.2), women, 0.8)


@fault("weights are not adjusted by age", "W3", "control")
def unadjusted_age(case: Case) -> Case:
    return scale(case, where(case, "age < 15"), 1.6)


@fault("weights are not adjusted by sex", "W3", "before")
def unadjusted_sex(case: Case) -> Case:
    return scale(scale(case, where(case, "sex == 'male'"), 1.4), where(case, "age >= 60"), 0.6)


@fault("weights of one region are all but equal", "W4", "spread")
def uneven_weights(case: Case) -> Case:
    return scale(case, every(case, 12, where(case, "region == '3'")), 30.0)


@fault("one record stands for a district", "W4", "largest")
def heavy_record(case: Case) -> Case:
    return scale(case, np.arange(len(case.frame)) == 11, 200.0)


@fault("weights of another population frame", "W5")
def other_frame(case: Case) -> Case:
    return scale(case, all_of(case), 1.05)
