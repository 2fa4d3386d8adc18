"""Tests of tables and means, and p.adjust, against R's survey 4.1-1 (R 4.2.2), without R.

The figures are those of `tests/r/golden_models.R`: plain calls of `svychisq`, `svyttest`,
`p.adjust` and `contr.poly`.
"""

from __future__ import annotations

import numpy as np
import pytest
from model_helpers import api_design, models_expected, nhanes_design, panel_years, small_design
from scipy import stats
from survey_helpers import panel_expected

from lfsmig.survey import SurveyDesign
from lfsmig.survey.change import polynomial
from lfsmig.survey.inference import wald_test
from lfsmig.survey.mean_tests import cells_test
from lfsmig.survey.multiplicity import adjusted

EXPECTED = models_expected()
STATISTICS = ["F", "Chisq", "Wald", "adjWald"]


@pytest.mark.parametrize(
    ("key", "rows", "columns"),
    [
        ("strat", "sch.wide", "stype"), ("clus1", "sch.wide", "comp.imp"),
        ("clus2", "sch.wide", "stype"), ("jk1", "sch.wide", "stype"), ("nhanes", "HI_CHOL", "race"),
        ("panel", "mig", "year"),
    ],
)  # fmt: skip
def test_two_way_tables(key: str, rows: str, columns: str) -> None:
    """svychisq(~sch.wide + stype, design, statistic = "F", "Chisq", "Wald", "adjWald").

    clus1, whose table has an empty cell: F 236.894703487095 on 1 and 14 df. Pearson's test with the
    weights as frequencies gives p = 0 to the last digit; the Rao-Scott p is 3.61792655333537e-10.
    """
    design = {"nhanes": nhanes_design, "panel": panel_years}.get(key, lambda: api_design(key))()
    found = design.chisq(rows, columns, statistic=STATISTICS).set_index("statistic")
    for name in STATISTICS:
        expected, row = EXPECTED["tables"][key][name], found.loc[name]
        assert row["statistic_value"] == pytest.approx(expected["value"], rel=1e-9)
        df = np.atleast_1d(expected["df"])
        assert [row["df_num"], row["df_den"]][: len(df)] == pytest.approx(list(df), rel=1e-9)
        assert np.isnan(row["df_den"]) == (name == "Chisq")
        assert row["p"] == pytest.approx(expected["p"], rel=1e-7)
    assert EXPECTED["mistakes"]["pearson_p"] < 1e-15 < EXPECTED["tables"]["clus1"]["F"]["p"]


def test_tables_of_the_panel_fixture() -> None:
    """raoscott_2024_mig_area and raoscott_mig_year of expected_R_survey.json.

    2024 is a domain of the six years' design: F 0.490412454147984. Filtered before the design is
    made, its PSUs being then all there are in their strata, it would be 0.423826.
    """
    known = panel_expected()
    row = panel_years().chisq("mig", "area", domain="year == 2024").iloc[0]
    expected = known["raoscott_2024_mig_area"]
    assert row["statistic_value"] == pytest.approx(expected["F"], rel=1e-10)
    assert (row["df_num"], row["df_den"]) == (
        pytest.approx(expected["ndf"]), pytest.approx(expected["ddf"]),
    )  # fmt: skip
    assert row["p"] == pytest.approx(expected["p"], rel=1e-9)
    first = panel_years().chisq("mig", "area", domain="year == 2024", statistic="Chisq").iloc[0]
    assert first["statistic_value"] == pytest.approx(expected["chisq_first_order"], rel=1e-10)
    assert first["p"] == pytest.approx(expected["chisq_p"], rel=1e-9)
    frame = panel_years().frame
    filtered = SurveyDesign(frame[frame["year"] == 2024].reset_index(), "wt", "stratum", "psuid")
    wrong = filtered.chisq("mig", "area")["statistic_value"][0]
    assert wrong == pytest.approx(0.423826, abs=1e-5)
    years, expected = panel_years().chisq("mig", "year").iloc[0], known["raoscott_mig_year"]
    assert years["statistic_value"] == pytest.approx(expected["F"], rel=1e-10)
    assert years["df_num"] == pytest.approx(expected["ndf"], rel=1e-10)
    assert years["p"] == pytest.approx(expected["p"], rel=1e-9)


@pytest.mark.parametrize(
    ("key", "of", "group"),
    [
        ("strat", "api00", "comp.imp"), ("clus1_one", "api00", None), ("clus2", "ell", "sch.wide"),
        ("jk1", "api00", "comp.imp"), ("nhanes", "HI_CHOL", "RIAGENDR"),
    ],
)  # fmt: skip
def test_t_tests(key: str, of: str, group: str | None) -> None:
    """svyttest(api00 ~ comp.imp, design), svyttest(api00 ~ 0, design).

    strat: difference 40.9899300351764, t 2.08424329551705 on 196 df, p 0.0384341879512073. With the
    weights taken as frequencies t would be 12.6255297572703, without them 3.21848275645853.
    """
    design = nhanes_design() if key == "nhanes" else api_design(key.removesuffix("_one"))
    row, expected = design.ttest(of, group).iloc[0], EXPECTED["t_tests"][key]
    assert row["estimate"] == pytest.approx(expected["estimate"], rel=1e-10)
    assert row["statistic_value"] == pytest.approx(expected["t"], rel=1e-9)
    assert row["df"] == expected["df"]
    assert row["p"] == pytest.approx(expected["p"], rel=1e-8)
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(expected["ci"], rel=1e-9)


def test_t_tests_of_small_designs() -> None:
    """svyttest(y1 ~ 0) in mu284 (two stages with population sizes), svyttest(x ~ 0) in fpc."""
    for name, of, design in (
        ("mu284", "y1", small_design("mu284", "weight", None, ["id1", "id2"], fpc=["n1", "n2"])),
        ("fpc", "x", small_design("fpc", "weight", "stratid", "psuid", fpc="Nh", nest=True)),
    ):
        row, expected = design.ttest(of).iloc[0], EXPECTED["small"][name]["t_test"]
        assert row["statistic_value"] == pytest.approx(expected["t"], rel=1e-10)
        assert row["df"] == expected["df"]
        assert row["p"] == pytest.approx(expected["p"], rel=1e-8)


def test_any_set_of_cells() -> None:
    """svyby(..., covmat = TRUE), W = (L e)' (L V L')^-1 (L e), F (df - q + 1) / (df q) W.

    nhanes, four groups on 15 df. With the cells as independent, or W against chi-square, the p
    would be another.
    """
    panel = panel_years().estimate("mean", "mig", by=["grp"], covariance=True)
    nhanes = nhanes_design().estimate("mean", "HI_CHOL", by=["race"], covariance=True)
    two = np.array([[1, 0, 0, -1], [0, 1, -1, 0]])
    for key, found, hypothesis in (
        ("panel", panel, None), ("nhanes", nhanes, None), ("nhanes_two", nhanes, two),
    ):  # fmt: skip
        row, expected = cells_test(found, hypothesis).iloc[0], EXPECTED["cells"][key]
        assert row["chisq"] == pytest.approx(expected["chisq"], rel=1e-9)
        assert row["statistic_value"] == pytest.approx(expected["F"], rel=1e-9)
        assert [row["df_num"], row["df_den"]] == expected["df"]
        assert row["p"] == pytest.approx(expected["p"], rel=1e-8)
    apart = wald_test(
        nhanes.frame["estimate"].to_numpy(), np.diag(nhanes.frame["se"] ** 2), 15, two
    )
    assert abs(apart["p"][0] / EXPECTED["cells"]["nhanes_two"]["p"] - 1) > 0.01
    assert (
        stats.chi2.sf(EXPECTED["cells"]["nhanes"]["chisq"], 3)
        < 0.9 * (EXPECTED["cells"]["nhanes"]["p"])
    )


def test_adjusted_p_values() -> None:
    """p.adjust(p, "holm"), p.adjust(p, "BH") with ties and a missing value; and the fixture's."""
    known = EXPECTED["p_adjust"]
    p = np.array(known["p"], dtype=float)
    for method in ("holm", "bh"):
        expected = np.array(known[method], dtype=float)
        assert adjusted(p, method) == pytest.approx(expected, rel=1e-14, nan_ok=True)
    fixture = panel_expected()["multiplicity"]
    assert adjusted(fixture["raw"], "holm") == pytest.approx(fixture["holm"], rel=1e-14)
    assert adjusted(fixture["raw"], "bh") == pytest.approx(fixture["BH"], rel=1e-14)


def test_orthogonal_polynomials() -> None:
    """contr.poly(6), and contr.poly(5, scores = c(2019, 2020, 2022, 2023, 2027))."""
    for years, degree, key in (
        (range(2019, 2025), 2, "six"), ([2019, 2020, 2022, 2023, 2027], 3, "uneven"),
    ):  # fmt: skip
        found = polynomial(list(years), degree)
        columns = np.array([list(one.values()) for one in found.values()]).T
        assert columns == pytest.approx(np.array(EXPECTED["contr_poly"][key]), abs=1e-13)
