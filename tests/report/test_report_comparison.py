"""Published figures beside estimates: sources, what is not as printed, the words of the rules."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from lfsmig import published, release
from lfsmig.errors import InputError, ParameterError
from lfsmig.params import load
from lfsmig.report import comparison, data, printed, rules, words
from lfsmig.report.data_tables import data_table
from tests.report.conftest import change_text, copy_project

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "data/published/figures.csv"
LATIN_WORDS = re.compile(r"[A-Za-z]{3,}(?: [A-Za-z]{2,}){2}")


@pytest.fixture(autouse=True)
def chapter(edition: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every test works as a chapter's cell does."""
    return edition


def rows_of(text: str) -> dict[str, list[str]]:
    """Cells of the table's rows by figure."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line[:4] == "| F0"]
    return {line[0]: line for line in lines}


def test_changes_averages_and_withheld_cells_are_named() -> None:
    rows = rows_of(comparison.tbl_published().data)
    assert rows["F0196"][1] == "2021–2022"
    assert "change (thousand persons)†" in rows["F0196"][2]
    assert rows["F0014"][1] == "2019–2023"
    # The label says what the answer yes means.
    assert rows["F0014"][2].startswith("Recent internal migrants who sent remittances, average")
    hidden = data.estimates(2021)
    cell = hidden["indicator"].eq("recent_international.expected_stay") & hidden["domain"].eq("{}")
    flag = hidden.loc[cell & hidden["category"].eq("under_3_months"), "flag"].iloc[0]
    assert flag in data.WITHHELD
    assert rows["F0020"][4:7] == [flag, "–", "not comparable"]
    # The digits are those that the source prints.
    assert rows["F0020"][3] == "13.9"


def test_every_figure_leads_to_its_publication() -> None:
    text = comparison.tbl_published().data
    rows = rows_of(text)
    assert rows["F0010"][-1].endswith(", p.\u00a09")
    listed = re.findall(r"^(\d+)\u00a0\u00a0(.*)$", text, re.M)
    numbers = {row[-1].partition(",")[0] for row in rows.values()}
    assert {number for number, _ in listed} == numbers
    told = dict(listed)
    assert "Trend analysis. NSO. <https://nso.example/4>" in told.values()
    # A newspaper is called one.
    assert "Moves of the year. Daily (press). <https://daily.example>" in told.values()
    assert "Source of the estimates: synthetic records" in text


def test_figures_that_are_not_as_printed_are_marked_and_explained() -> None:
    text = comparison.tbl_published().data
    rows = rows_of(text)
    assert rows["F0174"][3] == "94.4‡"
    assert rows["F0213"][3] == "−0.09§"
    assert "‡ Derived, not printed: F0174 (627/664)." in text
    assert "§ Not as printed: F0213 (printed without the minus)." in text
    assert "‡" not in comparison.tbl_published(2021).data


def test_what_cannot_be_compared_says_why(chapter: pytest.MonkeyPatch) -> None:
    """The reasons are the register's, each told once; no dash hides the verdict."""
    frame = data.published()
    told = frame[frame["figure"].isin(["F0010", "F0169"])]
    more = [
        told.assign(figure=figure, indicator=name, estimate=estimate, verdict="not_comparable")[:1]
        for figure, name, estimate in [
            ("F0649", "population.total", 68e6), ("F0656", "population.total", 68e6),
            ("F0203", "recent_internal.house_register", float("nan")),
        ]
    ]  # fmt: skip
    change = {"figure": "F0011", "indicator": "recent_internal.sector", "year": "2019-2021"}
    change |= {"statistic": "change", "estimate": float("nan"), "verdict": "not_comparable"}
    more.append(told.assign(**change)[:1])
    chapter.setattr(data, "published", lambda year=None: pd.concat([frame, *more]))
    text = comparison.tbl_published().data
    assert "Not comparable: " in text
    assert "F0649, F0656 (persons in the house registers, not residents)" in text
    rows = rows_of(text)
    for figure in ("F0649", "F0203", "F0011"):
        assert rows[figure][6] == "not comparable"
    assert rows["F0011"][1] == "2019–2021"
    # Neither does one whose cell is withheld.
    assert rows["F0020"][6] == "not comparable"
    chapter.setenv("LFSMIG_LANG", "th")
    assert "เปรียบเทียบกันไม่ได้: " in comparison.tbl_published().data


def test_thai_edition_tells_it_in_thai(chapter: pytest.MonkeyPatch) -> None:
    chapter.setenv("LFSMIG_LANG", "th")
    text = re.sub(r"<[^>]+>", "", comparison.tbl_published().data)
    assert "หน้า\u00a09" in text
    assert "หนังสือพิมพ์รายวัน (สื่อมวลชน)" in text
    assert "พิมพ์โดยไม่มีเครื่องหมายลบ" in text
    assert LATIN_WORDS.search(text) is None


def test_what_the_project_publishes_beside_is_told_in_both_languages() -> None:
    """All sources of the register have an address and Thai names; all edits have remarks."""
    figures = published.read_figures(FIGURES)
    named = [p.figure for i in load(ROOT / "params").indicators for p in i.published]
    compared = figures.loc[named].reset_index(names="figure")
    sources, remarks = published.told_with(FIGURES, compared)
    assert len(sources) == compared["source"].nunique()
    for column in ("kind", "title", "title_th", "publisher", "publisher_th", "url"):
        assert sources[column].ne("").all(), column
    odd = set(compared.loc[compared["reliability"].isin(comparison.MARKS), "figure"])
    derived = {"F0008", "F0174", "F0180", "F0186", *(f"F019{n}" for n in range(5))}
    assert odd == {*derived, "F0213"}
    assert set(remarks["figure"]) == odd
    assert remarks[["en", "th"]].ne("").all().all()
    # Nothing is passed off as printed whose note says otherwise.
    printed = compared[compared["reliability"].eq("printed")]
    assert not printed["note"].str.contains("without the minus|remainder|sum of").any()


def test_source_that_is_not_listed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "sources.csv").write_text("key,title,publisher,url\nA,B,C,D\n", encoding="utf-8")
    compared = pd.DataFrame({"figure": ["F1"], "source": ["LOST"]})
    with pytest.raises(InputError, match=r"sources\.csv: no row with the key 'LOST'"):
        published.told_with(tmp_path / "figures.csv", compared)
    nothing = published.told_with(tmp_path / "elsewhere" / "figures.csv", compared)
    assert [len(table) for table in nothing] == [0, 0]


def test_numbers_and_breaks_of_the_methodology_come_from_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert comparison.published_figure("F0169") == "68.02\u00a0million"
    assert comparison.published_figure("F9999") == "–"
    assert comparison.breaks_found() == "It found one between 2021 and 2022."
    monkeypatch.setattr(data, "breaks", lambda: [])
    assert comparison.breaks_found() == "It found none in the years of this report."


@pytest.mark.parametrize("language", ["en", "th"])
@pytest.mark.parametrize("name", sorted(release.RULES))
def test_rules_are_told_as_they_were_applied(
    chapter: pytest.MonkeyPatch, language: str, name: str
) -> None:
    """The limits of the rule set that made the results, and no other's."""
    chapter.setenv("LFSMIG_LANG", language)
    chapter.setattr(rules, "rule_set", lambda: name)
    limits = yaml.safe_load((ROOT / "params/rules.yml").read_text(encoding="utf-8"))["publication"]
    text = rules.tbl_rules().data
    told = set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?", text))
    for key, value in limits[name].items():
        shown = f"{100 * value:g}" if isinstance(value, float) else str(value)
        assert shown in told, key
    symbols = [line[2:4].strip(" \\|") for line in text.splitlines()[2:]]
    # A symbol has a row for each reason: the rule set's, and unknown answers under every rule set.
    assert list(dict.fromkeys(symbols)) == {"nso": ["c", "s", "*"], "abs": ["c", "s", "*"]}.get(
        name, ["c", "s", "*", "r", "+"]
    )
    for key, value in limits["disclosure"].items():
        shown = f"{100 * value:g}" if isinstance(value, float) else str(value)
        assert shown in told or str(value - 1) in told, key
    if name == "nso":
        assert "Korn" not in text
        assert "160" not in told
    cited = re.findall(r"@([\w-]+)", rules.rules_text().data)
    works = (ROOT / "references.bib").read_text(encoding="utf-8")
    assert [key for key in cited if f"{{{key}," not in works] == []
    assert len(rules.rules_text().data) > 50


def test_rules_follow_the_parameters(chapter: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = copy_project(tmp_path / "p")
    chapter.setenv("LFSMIG_PARAMS", str(root / "params"))
    chapter.setattr(rules, "rule_set", lambda: "nchs2017")
    limit = "relative_width_total: {}"
    change_text(root / "params/rules.yml", limit.format("1.60"), limit.format("1.75"))
    assert "wider than 175 per cent of the value" in rules.tbl_rules().data
    assert rules.rule_limit("nso", "cv_withhold") == "20"
    chapter.setattr(rules, "rule_set", lambda: "lost")
    with pytest.raises(ParameterError, match=r"rules\.yml: publication: no `lost`"):
        rules.tbl_rules()


def test_rule_set_is_that_of_the_released_results() -> None:
    assert rules.rule_set() == "repo"
    assert words.t("rules.text.repo")


def figures_beside(chapter: pytest.MonkeyPatch, **columns: object) -> None:
    """Give the report one published figure, or the same with other columns."""
    frame = data.read("published.parquet")
    row = frame[frame["figure"].eq("F0022")].assign(**columns)
    chapter.setattr(data, "published", lambda year=None: row)


def test_what_others_print_stands_below_the_exhibit(chapter: pytest.MonkeyPatch) -> None:
    """In front of the folded table, with source, page, printed digits and verdict."""
    name = "recent_international.region_of_residence"
    figures_beside(chapter, printed="78", estimate=0.7812, verdict="rounding", page="17")
    text = data_table(name).data
    before, _, after = text.partition("{.data-table")
    assert (
        "*Trend analysis, p.\u00a017* – Central, 2023: 78\u00a0per\u00a0cent (ours 78.1, rounding)."
        in before
    )
    assert "those of the synthetic sample" in before
    assert "elsewhere" not in after
    # An exhibit of another population, or by an item that the figure is not by, has none of it.
    assert "elsewhere" not in data_table("lifetime.region_of_residence").data
    assert "elsewhere" not in data_table(name, by="sex").data
    chapter.setattr(data, "synthetic", lambda: False)
    assert "synthetic" not in printed.beside([name])
    figures_beside(chapter, estimate=float("nan"), verdict="not_comparable")
    assert "(not comparable: ours is withheld)" in printed.beside([name])
    chapter.setenv("LFSMIG_LANG", "th")
    assert "ภาคกลาง 2566" in printed.beside([name])
    assert "(เทียบกันไม่ได้: ไม่เผยแพร่ค่าของรายงานนี้)" in printed.beside([name])


def test_published_statements_are_words(chapter: pytest.MonkeyPatch) -> None:
    name = "recent_international.region_of_residence"
    said = {"figure": "F0047", "year": "2019-2021", "category": "", "estimate": float("nan")}
    said["z"] = float("nan")
    order = {"statement": '{"top": ["1", ["2", "3"]]}', "verdict": "differ", "fails": "2020"}
    figures_beside(chapter, **said, **order)
    assert (
        "2019–2021: largest: Bangkok, then Central and North (differs, not in 2020)"
        in printed.beside([name])
    )
    row = rows_of(comparison.tbl_published().data)["F0047"]
    assert row[3:7] == ["largest: Bangkok, then Central and North", "not in 2020", "–", "differs"]
    years = {
        "statement": '{"higher": [2019], "lower": [2020, 2021]}',
        "verdict": "match",
        "fails": "",
    }
    figures_beside(chapter, **said | {"category": "3"}, **years)
    assert "North: lower in 2020 and 2021 than in 2019 (match)" in printed.beside([name])
    chapter.setenv("LFSMIG_LANG", "th")
    assert "พ.ศ. 2563 และ พ.ศ. 2564 ต่ำกว่า พ.ศ. 2562 (ตรงกัน)" in printed.beside([name]).replace(
        "\u00a0", " "
    )


def test_figures_without_a_cell_are_counted_by_reason(chapter: pytest.MonkeyPatch) -> None:
    assert "| – | 0 |" in re.sub(" +", " ", comparison.tbl_not_compared().data)
    outside = pd.DataFrame(
        [
            ("F0052", "of 2015", "ของ พ.ศ. 2558"),
            ("F0053", "of 2015", "ของ พ.ศ. 2558"),
            ("F0221", "a census", "สำมะโน"),
        ],
        columns=["figure", "en", "th"],
    )
    chapter.setattr(data, "not_compared", lambda: outside)
    text = comparison.tbl_not_compared().data
    assert "| of 2015 | 2 |" in re.sub(" +", " ", text)
    assert "synthetic" not in text
    chapter.setenv("LFSMIG_LANG", "th")
    assert "| สำมะโน | 1 |" in re.sub(" +", " ", comparison.tbl_not_compared().data)
