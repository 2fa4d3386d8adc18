"""Every published figure is compared with an estimate, or the reason why not is written down."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lfsmig.params import load
from lfsmig.params.register import PublishedCell
from lfsmig.published import compare, not_compared, read_figures
from tests.conftest import ROOT

FIGURES = ROOT / "data" / "published" / "figures.csv"


def unaccounted(linked: set[str], reasoned: list[str], figures: set[str]) -> dict[str, set[str]]:
    """Figures with neither a link nor a reason, with both or twice, and reasons of no figure."""
    twice = {figure for figure, count in Counter(reasoned).items() if count > 1}
    return {
        "neither": figures - linked - set(reasoned),
        "both": (linked & set(reasoned)) | twice,
        "no figure": (linked | set(reasoned)) - figures,
    }


def test_every_figure_is_linked_or_has_a_reason() -> None:
    figures = set(read_figures(FIGURES).index)
    linked = {p.figure for one in load(ROOT / "params").indicators for p in one.published}
    outside = not_compared(FIGURES)
    assert outside[["kind", "en", "th"]].ne("").all().all()
    found = unaccounted(linked, list(outside["figure"]), figures)
    assert found == {"neither": set(), "both": set(), "no figure": set()}
    # One link less, or one reason less, does not pass.
    lost = unaccounted(linked - {"F0187"}, list(outside["figure"])[1:], figures)
    assert lost["neither"] == {"F0187", outside["figure"].iloc[0]}


def test_the_years_of_the_report_are_left_out_for_no_idle_reason() -> None:
    """No figure of 2019-2023 on migrants is called one of another year."""
    figures = read_figures(FIGURES)
    outside = not_compared(FIGURES).set_index("figure")
    years = figures.loc[outside.index, "year"]
    inside = outside[
        years.str.contains(r"20(?:19|2\d)").to_numpy() & years.ne("c.2018-2020").to_numpy()
    ]
    assert set(inside.loc[inside["kind"].eq("other_years")].index) == {"F0171"}
    assert len(figures) - len(outside) >= 93


YEARS = {2019: [0.5, 0.3, 0.2], 2020: [0.4, 0.35, 0.25], 2021: [0.3, 0.45, 0.25]}


def judged(values: dict[int, list[float]], year: str = "2019-2021", **link: Any) -> pd.Series:
    """Verdict on a statement on shares of a, b and c."""
    value = link.pop("value", "1")
    PublishedCell.model_validate({"figure": "P", **link})
    rows = [
        {"year": y, "indicator": "x", "domain": "{}", "category": c, "estimate": v, "se": 0.01}
        for y, shares in values.items()
        for c, v in zip("abc", shares, strict=True)
    ]
    printed = {"source": "S", "year": year, "value": value, "unit": "percent"}
    figures = pd.DataFrame([printed | {"reliability": "bound"}], index=["P"])
    one = SimpleNamespace(
        id="x", published=[{"figure": "P", **link}], unit="share", statistic="share", of="i"
    )
    none = pd.DataFrame(
        columns=["statistic", "year_from", "year_to", "indicator", "domain", "category"]
    )
    return compare(SimpleNamespace(indicators=[one]), figures, pd.DataFrame(rows), none).iloc[0]


def test_an_order_of_categories() -> None:
    found = judged(YEARS, compare="rank", top=["a", "b"])
    assert (found["verdict"], found["fails"]) == ("differ", "2021")
    assert judged(YEARS, compare="rank", top=[["b", "a"]])["verdict"] == "match"
    assert judged(YEARS, "2019-2020", compare="rank", top=["a"], bottom=["c"])["verdict"] == "match"


def test_an_order_with_a_withheld_share_is_told_only_where_it_is_sure() -> None:
    nan = float("nan")
    hidden = {2019: [0.6, 0.3, nan]}
    assert judged(hidden, "2019", compare="rank", top=["a", "b"])["verdict"] == "match"
    assert judged(hidden, "2019", compare="rank", bottom=["b"])["verdict"] == "not_comparable"
    # What is withheld may be 0.35 and second.
    unsure = {2019: [0.5, 0.15, nan]}
    assert judged(unsure, "2019", compare="rank", top=["a", "b"])["verdict"] == "not_comparable"


def test_an_order_of_years() -> None:
    said = {"compare": "rank", "category": "a", "higher": [2019]}
    assert judged(YEARS, lower=[2020, 2021], **said)["verdict"] == "match"
    found = judged(YEARS, compare="rank", category="c", lower=[2020], higher=[2019, 2021])
    assert (found["verdict"], found["fails"]) == ("differ", "2019,2020,2021")
    assert judged({2019: [1, 0, 0]}, lower=[2020], **said)["verdict"] == "not_comparable"


def test_a_limit_holds_in_every_year() -> None:
    above = {"compare": "bound", "bound": "above", "category": "b"}
    assert judged(YEARS, value="29.9", **above)["verdict"] == "match"
    found = judged(YEARS, value="31", **above)
    assert (found["verdict"], found["fails"], found["printed"]) == ("differ", "2019", "31")


def test_a_sign_that_a_statement_names_holds_in_every_year() -> None:
    loss = {"compare": "sign", "sign": -1, "category": "a"}
    falling = {2019: [-1.0, 0, 0], 2020: [-0.2, 0, 0]}
    assert judged(falling, "2019-2020", **loss)["verdict"] == "match"
    found = judged({**falling, 2021: [0.3, 0, 0]}, **loss)
    assert (found["verdict"], found["fails"]) == ("differ", "2021")


def test_cells_are_added_up() -> None:
    both = {
        "category": "a",
        "plus": [{"category": "c"}],
        "label": {"en": "a and c", "th": "ก และ ค"},
    }
    found = judged(YEARS, "2019", value="70", **both)
    assert (found["verdict"], found["estimate"]) == ("match", pytest.approx(0.7))
    # A change over two years is that of the estimates; its error is unknown.
    found = judged(YEARS, "2019-2021", value="-15", change_from=2019, **both)
    assert (found["verdict"], found["estimate"]) == ("match", pytest.approx(-0.15))
    assert pd.isna(found["z"])


@pytest.mark.parametrize(
    "link",
    [
        {"compare": "rank"},
        {"compare": "bound"},
        {"top": ["a"]},
        {"sign": 1},
        {"lower": [2019], "compare": "rank"},
    ],
)
def test_a_statement_that_says_nothing_is_refused(link: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs"):
        PublishedCell.model_validate({"figure": "P", **link})


def test_the_register_reads_a_range_of_figures(tmp_path: Path) -> None:
    lines = "figures,kind,en,th\nF0008-F0010,k,a,b\nF0100,k,c,d\n"
    (tmp_path / "not_compared.csv").write_text(lines, encoding="utf-8")
    found = not_compared(tmp_path / "figures.csv")
    assert list(found["figure"]) == ["F0008", "F0009", "F0010", "F0100"]


def test_every_linked_figure_stands_below_an_exhibit() -> None:
    """Lines on published figures stand in front of data tables, so each needs one in a chapter."""
    pages = [*(ROOT / "chapters/en").glob("*.qmd"), ROOT / "index.en.qmd"]
    cells = [
        cell
        for page in pages
        for cell in re.findall(r"```\{python\}\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
        if re.search(r"report\.\w*_tables?\(", cell)
    ]
    linked = [one.id for one in load(ROOT / "params").indicators if one.published]
    hidden = {name for name in linked if not any(f'"{name}"' in cell for cell in cells)}
    assert hidden == set()
    assert len(cells) > 50
