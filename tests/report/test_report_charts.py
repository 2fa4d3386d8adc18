"""Charts: their colours, their letters on pages, their pictures in Word, what they tell."""

from __future__ import annotations

import io
import itertools
import re
import struct
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from test_report_build import LANGUAGES

from lfsmig.report import alt, charts, data, figures, wordfonts, words
from lfsmig.report.fonts import page_fonts, setup_fonts
from lfsmig.report.panels import panels
from lfsmig.report.search import entries_of
from lfsmig.report.style import COLOURS, INK, NOTE, QUIET, font_files

# --- colours -------------------------------------------------------------------------------------

XYZ = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
# What a reader without green or without red cones sees, in linear light: Machado, Oliveira and
# Fernandes (2009), severity 1.
BLIND = {
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
}
TOLD_APART = 15  # CIE 1976: about two is the smallest difference that a trained eye sees


def light(colour: str) -> np.ndarray:
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(linear: np.ndarray) -> np.ndarray:
    ratio = XYZ @ np.clip(linear, 0, 1) / np.array([0.9505, 1.0, 1.0888])
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(colour: str) -> float:
    """Contrast with white by WCAG 2."""
    return 1.05 / (float(XYZ[1] @ light(colour)) + 0.05)


def least_difference(colours: list[str], kind: str = "") -> float:
    seen = [lab(np.array(BLIND[kind]) @ light(c) if kind else light(c)) for c in colours]
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))


def least_in_grey(colours: list[str]) -> float:
    seen = [float(lab(light(colour))[0]) for colour in colours]
    return min(abs(a - b) for a, b in itertools.combinations(seen, 2))


def test_names_of_lines_and_notes_can_be_read() -> None:
    assert [colour for colour in [*COLOURS, INK, QUIET, NOTE] if contrast(colour) < 4.5] == []


def test_colours_are_told_apart_in_grey_and_by_the_colour_blind() -> None:
    """Red before: purple and grey differed by 2.3 for readers without green cones."""
    told = {kind: least_difference(COLOURS, kind) for kind in ["", *BLIND]}
    assert min(told.values()) > TOLD_APART, told
    assert least_in_grey(COLOURS[:3]) > 9
    assert least_in_grey(COLOURS) > 6


def test_the_measure_of_colours_can_fail() -> None:
    before = ["#00528A", "#B3540A", "#00785C", "#A4457C", "#5E6B73"]
    assert least_difference(before, "deuteranopia") < 3
    assert least_in_grey(before) < 1


# --- letters and pictures ------------------------------------------------------------------------


@pytest.fixture
def drawn(edition: pytest.MonkeyPatch) -> str:
    """A chart with small panels, as matplotlib writes it."""
    edition.setenv("LFSMIG_LANG", "th")
    fig = figures.fig_shares("recent_internal.reason")
    assert fig is not None
    file = io.StringIO()
    fig.savefig(file, format="svg")
    plt.close(fig)
    return file.getvalue()


def test_letters_are_letters_again(drawn: str) -> None:
    made = charts.slim(drawn, "c1")
    said = re.findall(r"<text[^>]*>([^<]+)</text>", made)
    item = "ร้อยละ"
    assert item in said
    assert len(said) == len(re.findall(r"<!-- .+? -->", drawn))
    assert "Sarabun" not in made  # no outlines left; the page brings the font
    assert len(made.encode()) < len(drawn.encode()) / 3
    names = re.findall(r'\bid="([^"]+)"', made)
    assert len(names) == len(set(names))
    assert all(name.startswith("c1-") for name in names)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', made)) == set(names)


def test_outlines_of_another_font_stay(drawn: str) -> None:
    """A glyph that Sarabun does not have would be another letter in it."""
    foreign = drawn.replace("Sarabun-Regular-", "Other-Regular-")
    assert "<use" in charts.slim(foreign, "c1")
    assert charts.slim(foreign, "c1").count("<text") < charts.slim(drawn, "c1").count("<text")


def test_charts_stand_in_the_page_with_their_texts(tmp_path: Path, drawn: str) -> None:
    (tmp_path / "a.svg").write_text(drawn, encoding="utf-8")
    page = '<p><img src="a.svg" alt="What it &lt; tells"><img src="gone.svg" alt="x"></p>'
    made = charts.inlined(page, tmp_path)
    assert made.count('aria-label="What it &lt; tells"') == 2
    assert '<img src="gone.svg" alt="x">' in made
    assert 'role="img"' in made


def test_word_gets_pictures_that_know_their_size(tmp_path: Path, drawn: str) -> None:
    (tmp_path / "a.svg").write_text(drawn, encoding="utf-8")
    (picture,) = charts.pictures(tmp_path)
    content = picture.read_bytes()
    width = struct.unpack(">I", content[16:20])[0]
    points = float(re.findall(r'width="([\d.]+)pt"', drawn)[0])
    assert abs(width - points / 72 * charts.DPI) <= 1
    image = pytest.importorskip("PIL.Image").open(io.BytesIO(content))
    assert round(image.info["dpi"][0]) == charts.DPI
    assert len(image.convert("RGB").resize((60, 40)).getcolors(60 * 40)) > 20


def test_fonts_of_pages_have_all_letters_of_thai(tmp_path: Path) -> None:
    from fontTools.ttLib import TTFont

    folder = setup_fonts(tmp_path / "root")
    page_fonts(folder, tmp_path / "fonts", "−–“”…")
    made = sorted((tmp_path / "fonts").glob("*.woff"))
    assert len(made) == 4
    assert sum(path.stat().st_size for path in made) < 100_000
    font = TTFont(made[0])
    assert {0x0E01, 0x0E5B, 0x0E4D, ord("−"), ord("a")} <= set(font.getBestCmap())
    marks = {record.FeatureTag for record in font["GPOS"].table.FeatureList.FeatureRecord}
    assert {"mark", "mkmk"} <= marks
    assert (tmp_path / "fonts/Sarabun-LICENSE.txt").is_file()


# --- Word ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_word_documents_bring_their_fonts(built: Path, language: str) -> None:
    with zipfile.ZipFile(built / f"_book/{language}/report-{language}.docx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    table = parts["word/fontTable.xml"].decode("utf-8")
    links = parts["word/_rels/fontTable.xml.rels"].decode("utf-8")
    faces = re.findall(r'<w:embed(\w+) r:id="(\w+)" w:fontKey="\{([\w-]+)\}"', table)
    assert [face for face, *_ in faces] == list(wordfonts.FACES)
    for (_, relation, key), source in zip(faces, font_files(), strict=True):
        target = re.search(rf'Id="{relation}"[^>]*Target="([^"]+)"', links)
        assert target is not None
        assert wordfonts.disguised(parts[f"word/{target[1]}"], key) == source.read_bytes()
        assert parts[f"word/{target[1]}"][:4] != source.read_bytes()[:4]
    assert "odttf" in parts["[Content_Types].xml"].decode("utf-8")
    assert "<w:embedTrueTypeFonts/>" in parts["word/settings.xml"].decode("utf-8")


# --- what charts tell ----------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_of_charts_tell_the_finding(built: Path, language: str) -> None:
    page = (built / f"_book/{language}/index.html").read_text(encoding="utf-8")
    told = re.search(r'<svg aria-label="([^"]+)"', page)
    assert told is not None
    year = {"en": "2024", "th": "2567"}[language]
    assert year in told[1]
    # The same number as in the sentence above the chart.
    number = re.search(r"\d\.\d\d", told[1])
    assert number is not None
    assert number[0] in re.sub(r"<[^>]+>", "", page[: page.index("<svg")])


def test_text_of_lines_skips_what_is_withheld(edition: pytest.MonkeyPatch) -> None:
    from lfsmig.report import data

    frame = data.series("recent_internal.rate")
    whole = alt.of_lines({"Rate": frame}, "percent")
    years = sorted(frame.dropna(subset=["estimate"])["year"])
    assert whole.startswith("Rate: ")
    assert str(years[0]) in whole
    frame.loc[frame["year"].eq(years[0]), "estimate"] = np.nan
    assert str(years[0]) not in alt.of_lines({"Rate": frame}, "percent")
    assert alt.of_lines({"Rate": frame.assign(estimate=np.nan)}, "percent") == ""


def test_a_chart_without_values_is_a_sentence(
    edition: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Red before: an empty frame stood in the page."""
    from lfsmig.report import data

    frame = data.series("recent_internal.reason").assign(estimate=np.nan, flag="s")
    edition.setattr(figures.data, "series", lambda *_, **__: frame)
    before = plt.get_fignums()
    said: list[str] = []
    edition.setattr(figures, "display", lambda shown: said.append(shown.data))
    assert figures.fig_shares("recent_internal.reason") is None
    assert plt.get_fignums() == before
    assert words.t("figure.all_withheld") in said[0]


def test_crossing_nothing_keeps_the_columns(edition: pytest.MonkeyPatch) -> None:
    """Red before: a report without an indicator of flows stopped with `KeyError: 'year'`."""
    from lfsmig.report import data

    frame = pd.DataFrame(columns=["year", "domain", "category", "estimate"])
    made = data.crossed(frame, "previous_region", "region")
    assert list(made.columns) == [*frame.columns, "row", "column"]
    assert made.empty
    assert "estimate" in data.series("nothing.of_that_name", by="region")
    assert "year_from" in data.pools_by("nothing.of_that_name", "province")


# --- search --------------------------------------------------------------------------------------


def test_index_has_sections_and_exhibits_and_no_numbers() -> None:
    page = """<main><h1 id="sec-a">1 Chapter</h1><p>Words of&nbsp;the chapter.</p>
    <h2 id="sec-b">1.1 Part</h2><p>More <span>wo</span>rds.</p><pre>code</pre>
    <div id="fig-c"><figure><svg><text>12.3</text></svg><figcaption>A chart</figcaption></figure>
    </div><p>After it.</p><table><tr><td>Row (<b>60 up</b>)</td><td>1.5</td></tr>
    <tr><td>77</td></tr><tr><td>Row (60 up)</td><td>2</td></tr></table></main><p>Outside</p>"""
    found = {entry["id"]: entry for entry in entries_of(page)}
    assert list(found) == ["sec-a", "sec-b", "fig-c"]
    assert found["sec-a"]["text"] == "Words of the chapter."
    assert found["sec-b"]["text"] == "More words. After it. Row (60 up)"
    assert found["fig-c"]["title"] == "A chart"
    assert {entry["chapter"] for entry in found.values()} == {"1 Chapter"}


def test_no_scale_of_shares_goes_above_the_whole(edition: pytest.MonkeyPatch) -> None:
    """Red before: a share of 98 per cent stood on a scale to 120."""
    every = len(data.years())
    cells = pd.DataFrame({"year": data.years(), "flag": "", "n": 500, "statistic": "share"})
    high = cells.assign(estimate=0.95, se=0.01, ci_low=0.9, ci_high=0.98, unit="share")
    fig = panels(["a", "b"], [high, high.assign(estimate=0.05)], "share", "", [])
    drawn = fig.axes[0]
    assert max(drawn.get_yticks()) == 100
    assert drawn.get_ylim()[1] > 100
    assert len(drawn.get_xticks()) == every
    plt.close(fig)
