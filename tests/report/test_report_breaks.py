"""Breaks in series flow by themselves into charts, tables and the trend output, both editions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import yaml

from lfsmig import cli, report
from lfsmig.errors import ParameterError
from lfsmig.params import Params, load
from lfsmig.report import data, serial_breaks
from tests.report.conftest import ROOT

LETTERS = {"en": ["A", "B", "C"], "th": ["ก", "ข", "ค"]}
NOTES = {
    "en": "Breaks in the series: A, 2020–2021: ",
    "th": "ความไม่ต่อเนื่องของอนุกรม ก พ.ศ. 2563–2564: ",
}


# One value a year, compared over the years; a distribution of one year.
FOUND = ("recent_internal.rate", "recent_internal.education")


def written(figure: plt.Figure) -> list[str]:
    axes = [text.get_text() for ax in figure.axes for text in ax.texts]
    below = [text.get_text() for text in figure.texts]
    if figure._supxlabel is not None:
        below.append(figure._supxlabel.get_text())
    plt.close(figure)
    return [*axes, " ".join(" ".join(below).split())]


@pytest.mark.parametrize("language", ["en", "th"])
def test_charts_and_tables_carry_the_marks(edition: pytest.MonkeyPatch, language: str) -> None:
    edition.setenv("LFSMIG_LANG", language)
    first, second, third = LETTERS[language]
    texts = written(report.fig_series("recent_internal.rate"))
    assert {first, third} <= set(texts) and second not in texts
    assert NOTES[language] in texts[-1].replace("\u00a0", " ")
    # Education alone has a break of its own, in every panel and in the head of its table.
    panels = written(report.fig_shares("recent_internal.education"))
    assert {first, second, third} <= set(panels)
    table = report.data_table("recent_internal.education").data
    years = {y: str(y + (543 if language == "th" else 0)) for y in (2019, 2020, 2021, 2022)}
    assert f"{years[2020]}^{first}^" in table
    assert f"{years[2021]}^{first},{second}^" in table
    assert f"{years[2022]}^{third}^" in table
    assert f"{years[2019]}^" not in table
    yearly = report.data_table("recent_internal.rate").data.replace("\u00a0", " ")
    assert f"| {years[2020]}^{first}^ " in yearly and NOTES[language] in yearly
    overview = report.tbl_overview(["recent_internal.rate"]).data.replace("\u00a0", " ")
    assert f"{years[2022]}^{third}^" in overview and NOTES[language] in overview
    between = written(report.fig_regions("recent_internal.net_rate"))[-1]
    assert f"{third} " in between or f"{third}," in between
    assert NOTES[language] not in between.replace("\u00a0", " ")
    said = [report.key_findings([name]).data.replace("\u00a0", " ") for name in FOUND]
    assert NOTES[language] in said[0] and NOTES[language] not in said[1]
    everything = report.tbl_breaks().data
    assert everything.count("\n") - 1 == len(load(ROOT / "params").breaks)


def test_a_break_outside_the_years_has_no_mark(edition: pytest.MonkeyPatch) -> None:
    edition.setattr(data, "years", lambda: [2022, 2023, 2024])
    assert serial_breaks.marked("recent_internal.rate") == []


def test_trends_name_what_lies_between(
    edition: pytest.MonkeyPatch, released: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["--params", str(ROOT / "params"), "--data", str(released)]
    assert cli.call([*start, "trend", "recent_internal.rate", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    changes = {
        (row["year_from"], row["year_to"]): row["breaks"]
        for row in found["trends"]
        if row["statistic"] == "change"
    }
    assert changes[2021, 2022] == ["pandemic", "rotation_2022"]
    assert changes[2020, 2021] == changes[2023, 2024] == []
    assert set(found["breaks"]) == {"pandemic", "rotation_2022"}
    assert cli.call([*start, "trend", "recent_internal.rate"]) == 0
    assert "across the break rotation_2022: new rotation round" in capsys.readouterr().out


def test_bad_entries_are_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    shutil.copytree(ROOT / "data/codebook", tmp_path / "data/codebook")
    path = tmp_path / "params/breaks.yml"
    whole = yaml.safe_load(path.read_text(encoding="utf-8"))["breaks"]

    def refused(words: str, **change: object) -> None:
        entries = [{**whole[0], **change}, *whole[1:]]
        path.write_text(yaml.safe_dump({"breaks": entries}), encoding="utf-8")
        with pytest.raises(ParameterError, match=words):
            _ = Params(tmp_path / "params").breaks

    refused("breaks.1..id: pandemic stands twice", id="pandemic")
    refused("no year before", to=2018)
    refused("nothing_such is not in variables.yml", touches={"variables": ["nothing_such"]})
    refused("th is missing", label={"en": "x"})
    refused("breaks.0..kind", kind="other")
    path.unlink()
    assert Params(tmp_path / "params").breaks == []
