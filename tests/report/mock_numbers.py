"""Levels and shares that the small released folder is made from; invented."""

from __future__ import annotations

YEARS = [2019, 2020, 2021, 2022, 2023, 2024]
REGIONS = ["1", "2", "3", "4", "5"]
SEXES = ["male", "female"]
BREAK = 2022
POPULATION = dict(zip(YEARS, [68.02e6, 68.4e6, 68.9e6, 69.91e6, 70.09e6, 70.2e6], strict=True))
SURGE = dict(zip(YEARS, [1.0, 1.6, 1.02, 1.18, 1.25, 1.31], strict=True))

CATEGORIES: dict[str, dict[str, float]] = {
    "sex": {"male": 0.51, "female": 0.49},
    "age_group": {"0-14": 0.14, "15-24": 0.27, "25-59": 0.51, "60+": 0.08},
    "education": {
        "none": 0.04,
        "primary": 0.23,
        "lower_secondary": 0.24,
        "upper_secondary": 0.29,
        "bachelor_plus": 0.20,
    },
    "labour_status": {
        "employed": 0.6,
        "unemployed": 0.04,
        "seasonal": 0.01,
        "out_of_labour_force": 0.35,
    },
    "sector": {"agriculture": 0.22, "manufacturing": 0.3, "services": 0.48},
    "employment_status": {
        "employer": 0.02,
        "own_account": 0.21,
        "unpaid_family": 0.12,
        "government": 0.09,
        "state_enterprise": 0.01,
        "private_employee": 0.548,
        "cooperative": 0.002,
    },
    "region_of_birth": {"1": 0.1, "2": 0.26, "3": 0.17, "4": 0.35, "5": 0.11, "abroad": 0.01},
    "region_of_residence": {"1": 0.14, "2": 0.38, "3": 0.16, "4": 0.22, "5": 0.10},
    "previous_region": {"1": 0.2, "2": 0.33, "3": 0.14, "4": 0.24, "5": 0.09},
    "expected_stay": {
        "under_3_months": 0.03,
        "3_6_months": 0.05,
        "6_12_months": 0.09,
        "12_24_months": 0.11,
        "two_years": 0.17,
        "forever": 0.55,
    },
    "number_of_moves": {"0": 0.03, "1": 0.84, "2": 0.1, "3+": 0.03},
    # All reasons; tables of one population have them in groups.
    "migrants.reason": {
        "look_for_work": 0.2,
        "change_job": 0.12,
        "study": 0.08,
        "return_home": 0.24,
        "follow_family": 0.36,
    },
    "reason": {
        "work": 0.35,
        "family": 0.21,
        "return_home": 0.2,
        "change_dwelling": 0.15,
        "study": 0.05,
        "other": 0.04,
    },
    "sent_remittances": {"yes": 0.183, "no": 0.817},
    "remittance_receiver": {
        "parents": 0.72,
        "spouse": 0.12,
        "children": 0.1,
        "relatives": 0.05,
        "others": 0.01,
    },
    "internal_share": {"internal": 0.944, "international": 0.056},
    "previous_country": {"MM": 0.34, "LA": 0.18, "KH": 0.14, "GB": 0.08, "KR": 0.06, "other": 0.2},
    "nationality": {"thai": 0.31, "non_thai": 0.69},
    "marital_status": {
        "never_married": 0.35,
        "married": 0.55,
        "widowed": 0.04,
        "divorced": 0.03,
        "separated": 0.03,
    },
    "occupation": {
        **{"1": 0.03, "2": 0.07, "3": 0.06, "4": 0.05, "5": 0.21, "6": 0.2, "7": 0.12},
        **{"8": 0.13, "9": 0.13},
    },
    "house_register": {
        "this_house": 0.25,
        "elsewhere_in_province": 0.11,
        "other_province": 0.58,
        "none_or_unknown": 0.06,
    },
    "remittance_kind": {"cash": 0.1, "goods": 0.02, "both": 0.063, "none": 0.817},
}
# Of the whole country alone.
WHOLE = {
    "recent_internal": [
        "marital_status",
        "nationality",
        "occupation",
        "house_register",
        "remittance_kind",
    ],
    "recent_international": ["marital_status", "house_register"],
}

SHARES = {
    "migrants": ["internal_share", "region_of_residence", "reason"],
    "recent_internal": [
        "sex",
        "age_group",
        "education",
        "labour_status",
        "sector",
        "employment_status",
        "region_of_birth",
        "region_of_residence",
        "previous_region",
        "expected_stay",
        "number_of_moves",
        "reason",
        "sent_remittances",
        "remittance_receiver",
    ],
    "recent_international": [
        "sex",
        "age_group",
        "education",
        "labour_status",
        "sector",
        "region_of_birth",
        "region_of_residence",
        "previous_country",
        "nationality",
        "expected_stay",
        "number_of_moves",
        "sent_remittances",
        "remittance_receiver",
    ],
    "lifetime": [
        "sex",
        "age_group",
        "education",
        "labour_status",
        "sector",
        "region_of_birth",
        "region_of_residence",
    ],
}
# Share of the population, and unweighted cases in 2019.
SIZE = {
    "migrants": (0.0098, 2300),
    "recent_internal": (0.0092, 2150),
    "recent_international": (0.00054, 130),
    "lifetime": (0.21, 43000),
}
RATES = {
    "lifetime.rate_region": 12.4,
    "lifetime.rate_harmonised": 20.6,
    "lifetime.rate_internal": 18.9,
    "lifetime.foreign_born_rate": 2.1,
    "lifetime.birthplace_unknown": 0.3,
    "recent_internal.return_share": 21.0,
    "recent_internal.onward_share": 14.0,
    "households.internal": 1.9,
    "children.without_middle_generation": 4.4,
}
NET = {"1": -0.2, "2": 0.16, "3": 0.13, "4": -0.14, "5": -0.06}
AMOUNTS = {
    "remittances.mean_per_sender": 24500.0,
    "remittances.median_per_sender": 15000.0,
    "remittances.mean_per_migrant": 4480.0,
    "remittances.winsorised_mean_per_sender": 23100.0,
    "recent_internal.wage_median": 12000.0,
    "recent_internal.wage_winsorised_mean": 14900.0,
    "recent_internal.wage_mean": 15200.0,
}
DOMAINS: list[dict[str, str]] = [
    {},
    *({"region": r} for r in REGIONS),
    *({"sex": s} for s in SEXES),
]
