"""Faults of the module, of remittances, labour and the series, planted in the harmonised year."""

from __future__ import annotations

import numpy as np
import pandas as pd

from faults.case import Case, drop, every, fault, households, put, scale, where
from lfsmig.intake.checks_module import MOVER_ITEMS


def movers(case: Case) -> np.ndarray:
    return where(case, "moved == 'yes'")


# --- the module ----------------------------------------------------------------------------------


@fault("the module's answers stand one record too low", "M1", "stayers")
def shifted_answers(case: Case) -> Case:
    frame = case.frame.copy()
    frame[list(MOVER_ITEMS)] = frame[list(MOVER_ITEMS)].shift(1)
    return case.with_frame(frame)


@fault("a tenth of the movers was not asked further", "M1", "movers")
def unasked_movers(case: Case) -> Case:
    frame = case.frame.copy()
    frame.loc[every(case, 10, movers(case)), list(MOVER_ITEMS)] = None
    return case.with_frame(frame)


@fault("came from abroad and from a province", "M2")
def abroad_and_here(case: Case) -> Case:
    rows = where(case, "moved == 'yes' and previous_country != 'TH'")
    return put(case, "previous_province", rows, "20")


@fault("a move inside the country from an area abroad", "M2")
def inside_from_abroad(case: Case) -> Case:
    rows = every(case, 20, where(case, "moved == 'yes' and previous_country == 'TH'"))
    return put(case, "previous_area", rows, "abroad")


@fault("moves of more than twelve months ago", "M3")
def old_moves(case: Case) -> Case:
    return put(case, "months_since_move", every(case, 5, movers(case)), 14)


@fault("lives here longer than alive", "M3")
def older_than_alive(case: Case) -> Case:
    return put(case, "years_here", every(case, 300, where(case, "age < 60")), 80)


@fault("years and months of stay are swapped", "M3")
def swapped_durations(case: Case) -> Case:
    rows = movers(case)
    months = case.frame["months_since_move"].to_numpy(dtype=float, na_value=0.0)[rows]
    return put(case, "years_here", rows, pd.array(months.astype(int) + 1, dtype="Int64"))


@fault("born abroad in a province", "M4", "birth")
def abroad_in_province(case: Case) -> Case:
    return put(case, "birth_country", every(case, 25), "MM")


@fault("codes of nationality are interchanged", "M4", "nationality")
def interchanged_nationality(case: Case) -> Case:
    return put(
        case, "nationality", every(case, 20, where(case, "nationality == 'thai'")), "non_thai"
    )


@fault("nobody returns to the province of birth", "M5")
def returns_elsewhere(case: Case) -> Case:
    return put(case, "birth_province", where(case, "reason == 'return_home'"), "96")


@fault("the old moved to study", "M6")
def old_students(case: Case) -> Case:
    return put(case, "reason", where(case, "moved == 'yes' and age > 50"), "study")


@fault("children moved for work", "M6")
def working_children(case: Case) -> Case:
    return put(case, "reason", where(case, "moved == 'yes' and age < 15"), "job_duty")


@fault("households that moved as one name different months", "M7")
def moved_apart(case: Case) -> Case:
    rows = where(case, "moved == 'yes' and person_no == 2")
    return put(case, "months_since_move", rows, 11)


@fault("a fifth of the previous provinces is unknown", "M8")
def unknown_origin(case: Case) -> Case:
    return put(case, "previous_province", every(case, 5, movers(case)), None)


@fault("a tenth of the birth provinces is unknown", "M8")
def unknown_birth(case: Case) -> Case:
    return put(case, "birth_province", every(case, 10), None)


# --- remittances ---------------------------------------------------------------------------------


def senders(case: Case) -> np.ndarray:
    return where(case, "sent_remittances == 'yes'")


@fault("amounts of persons who sent nothing", "R1")
def amounts_of_others(case: Case) -> Case:
    rows = every(case, 10, where(case, "sent_remittances == 'no'"))
    return put(case, "remittance_cash", rows, 500.0)


@fault("senders of nothing at all", "R1")
def sent_nothing(case: Case) -> Case:
    rows = every(case, 2, senders(case))
    return put(put(case, "remittance_cash", rows, 0.0), "remittance_goods", rows, 0.0)


@fault("senders name no receiver", "R2")
def no_receiver(case: Case) -> Case:
    return put(case, "remittance_receiver", every(case, 3, senders(case)), None)


@fault("amounts beyond any remittance", "R3", "range")
def beyond_range(case: Case) -> Case:
    return put(case, "remittance_cash", every(case, 9, senders(case)), 7.5e6)


@fault("amounts below zero", "R3", "range")
def below_zero(case: Case) -> Case:
    return put(case, "remittance_goods", every(case, 9, senders(case)), -10.0)


@fault("amounts in thousands of baht", "R3", "median")
def in_thousands(case: Case) -> Case:
    return scale(case, senders(case), 0.01, "remittance_cash")


@fault("a code for unknown counts as an amount", "R4")
def sentinel_amount(case: Case) -> Case:
    return put(case, "remittance_cash", every(case, 9, senders(case)), 999999.0)


@fault("a code for unknown counts as a wage", "R4")
def sentinel_wage(case: Case) -> Case:
    return put(case, "monthly_wage", every(case, 90, where(case, "monthly_wage > 0")), 99998.0)


@fault("round amounts are blurred by some baht", "R5")
def blurred_amounts(case: Case) -> Case:
    cash = case.frame["remittance_cash"]
    return case.with_frame(case.frame.assign(remittance_cash=cash + 7))


@fault("half of the senders state no amount", "R6")
def no_amounts(case: Case) -> Case:
    return put(case, "remittance_goods", every(case, 2, senders(case)), np.nan)


# --- labour --------------------------------------------------------------------------------------


@fault("children have a labour status", "L1")
def child_labour(case: Case) -> Case:
    return put(case, "labour_status", every(case, 50, where(case, "age < 15")), "employed")


@fault("adults have no labour status", "L1")
def no_status(case: Case) -> Case:
    return put(case, "labour_status", every(case, 300, where(case, "age >= 15")), None)


@fault("persons without work have a sector", "L1")
def sector_without_work(case: Case) -> Case:
    rows = every(case, 90, where(case, "labour_status == 'out_of_labour_force'"))
    return put(case, "sector", rows, "agriculture")


@fault("the employed and the unemployed are interchanged", "L2", "synthetic")
def interchanged_labour(case: Case) -> Case:
    rows = every(case, 5, where(case, "labour_status == 'employed'"))
    return put(case, "labour_status", rows, "unemployed")


# --- the series ----------------------------------------------------------------------------------


@fault("the place of birth repeats the place of residence", "T1")
def born_here(case: Case) -> Case:
    frame = case.frame.copy()
    frame["birth_province"] = frame["birth_province"].where(
        frame["birth_province"].isna(), frame["province"].astype(object)
    )
    return case.with_frame(frame)


@fault("most movers are coded as stayers", "T1")
def fewer_movers(case: Case) -> Case:
    return put(case, "moved", movers(case) & ~every(case, 3, movers(case)), "no")


@fault("wages of one in four employees lost their last digit", "T1")
def shortened_wages(case: Case) -> Case:
    frame, rows = case.frame.copy(), every(case, 4, where(case, "monthly_wage > 0"))
    frame.loc[rows, "monthly_wage"] = frame.loc[rows, "monthly_wage"] / 10
    return case.with_frame(frame)


@fault("half of the heads' children are coded as grandchildren", "T1")
def grandchildren(case: Case) -> Case:
    return put(case, "relation", where(case, "relation == 'child'") & households(case, 2),
               "grandchild")  # fmt: skip


@fault("never married and married are interchanged", "T2", "change")
def interchanged_marriages(case: Case) -> Case:
    turned = put(
        case, "marital_status", where(case, "marital_status == 'married'"), "never_married"
    )
    return put(
        turned, "marital_status", where(case, "marital_status == 'never_married'"), "married"
    )


@fault("every mover's name stands in the register of this house", "T2", "change")
def registered_here(case: Case) -> Case:
    return put(case, "register", movers(case), "this_house")


@fault("codes of occupation are shifted by one", "T2", "change")
def shifted_occupation(case: Case) -> Case:
    codes = list(case.frame["occupation"].cat.categories)
    turned = dict(zip(codes, [*codes[1:], codes[0]], strict=True))
    changed = case.frame["occupation"].astype(object).map(turned)
    categories = pd.Categorical(changed, categories=codes, ordered=True)
    return case.with_frame(case.frame.assign(occupation=categories))


@fault("codes of labour status are shifted by one", "T2", "change")
def shifted_status(case: Case) -> Case:
    codes = list(case.frame["labour_status"].cat.categories)
    turned = dict(zip(codes, [*codes[1:], codes[0]], strict=True))
    changed = case.frame["labour_status"].astype(object).map(turned)
    return case.with_frame(
        case.frame.assign(
            labour_status=pd.Categorical(changed, categories=codes, ordered=True),
        )
    )


@fault("codes of sex are interchanged", "T2", "change")
def interchanged_sex(case: Case) -> Case:
    rows = where(case, "sex == 'female' and birth_province != province")
    return put(case, "sex", rows, "male")


@fault("one in fifteen of the employed is coded as unemployed", "T2", "contribution")
def more_unemployed(case: Case) -> Case:
    """Below five points, and several times as many unemployed."""
    return put(
        case, "labour_status", every(case, 15, where(case, "labour_status == 'employed'")),
        "unemployed",
    )  # fmt: skip


@fault("everybody in a region was born in the capital", "T3")
def born_in_the_capital(case: Case) -> Case:
    return put(case, "birth_province", where(case, "region == '4'"), "10")


@fault("most movers are missing", "T4", "total")
def missing_movers(case: Case) -> Case:
    return drop(case, movers(case) & ~every(case, 3, movers(case)))


@fault("the movers of one region are missing", "T4", "region")
def missing_movers_of_region(case: Case) -> Case:
    return drop(case, where(case, "moved == 'yes' and region == '2'"))


@fault("the published number of migrants does not come out", "T5", "synthetic", 2022)
def other_headline(case: Case) -> Case:
    return scale(case, movers(case), 3.0)


@fault("regions and provinces of movers come from different lists", "T6")
def other_region_list(case: Case) -> Case:
    return put(case, "region", where(case, "moved == 'yes' and province == '50'"), "4")


@fault("an area where everybody moved", "T7")
def area_of_movers(case: Case) -> Case:
    sizes = case.frame["psu"].value_counts()
    return put(case, "moved", (case.frame["psu"] == sizes.index[0]).to_numpy(dtype=bool), "yes")
