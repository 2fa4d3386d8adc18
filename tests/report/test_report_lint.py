"""Faults that Quarto keeps silent about are errors here: each is planted and must be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from lfsmig.errors import (
    ChapterError,
    InputError,
    LfsmigError,
    MissingDependency,
    ParameterError,
)
from lfsmig.report import lint, lint_text
from lfsmig.report import project as book_project
from lfsmig.report.annual import run_year
from lfsmig.report.book import execute
from lfsmig.report.render import build_report, choose_road
from lfsmig.report.settings import read_settings
from lfsmig.report.source import read_chapter

ROOT = Path(__file__).parents[2]
LANGUAGES = ["en", "th"]
YEARS = [2023, 2024]
INTERNAL = "chapters/th/02-internal.qmd"


def change(root: Path, name: str, old: str, new: str) -> None:
    """Plant a fault in a chapter."""
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_chapters_themselves_are_clean() -> None:
    years = read_settings(ROOT / "params").years
    assert list(lint.problems_of(ROOT, LANGUAGES, years)) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (INTERNAL, "#| fig-cap:", "#| fig-cpa:", "unknown option 'fig-cpa'"),
        (INTERNAL, "#| fig-alt:", "#| warning: false #", "fig-alt is missing"),
        (INTERNAL, "#| label: fig-internal-rate\n", "", "a chart needs a label"),
        (INTERNAL, '"recent_internal.rate", by="sex"', '"recent_internal.rate"', "differs from"),
        (INTERNAL, "{#sec-internal-who}", "{#sec-internal-whom}", "sections are not those of"),
        (INTERNAL, "@fig-internal-net", "@fig-internal-nett", "unknown cross-reference"),
        (INTERNAL, " @fig-internal-net", "ใน@fig-internal-net", "needs a space before it"),
        (INTERNAL, "#| label: fig-internal-sex", "#| label: fig-internal-rate", "is in"),
        ("chapters/en/01-methodology.qmd", "@binder1983", "@bindr1983", "not in references.bib"),
        ("chapters/analysis/annual.qmd", "#| tbl-cap-th:", "#| tbl-cpa-th:", "tbl-cpa"),
        (
            "chapters/en/02-internal.qmd",
            "A recent internal migrant moved",
            "The share was 21.0 per cent in 2024. A recent internal migrant moved",
            "21.0 looks like a result",
        ),
        (INTERNAL, "ผู้ย้ายถิ่นภายในประเทศช่วงล่าสุด คือ", "ร้อยละ 21 คือ", "21 looks like a result"),
        (INTERNAL, "ช่วงล่าสุด ร้อยละของประชากร รายปี", "824,000 คน", "824,000 looks like a result"),
        (
            "chapters/en/02-internal.qmd",
            'key_findings(["recent_internal.rate",',
            'key_findings(["recent_internal.never_shown", "recent_internal.rate",',
            r"recent_internal\.never_shown is quoted, and no exhibit shows it",
        ),
        (INTERNAL, "พร้อมเส้นโค้ง", "เฉลี่ยสามปี พร้อมเส้นโค้ง", "'เฉลี่ยสามปี' states a result in words"),
        (INTERNAL, "จำนวนนี้ขึ้นอยู่กับ", "เส้นจึงไม่ต่อเนื่อง จำนวนนี้ขึ้นอยู่กับ", "states a result in words"),
        (
            "chapters/en/03-international.qmd",
            "Returning nationals are included.",
            "Intervals are wide and several cells are withheld.",
            "'several cells are' states a result in words",
        ),
        (
            "chapters/en/02-internal.qmd",
            "A recent internal migrant moved",
            "Age matters more than anything else. A recent internal migrant moved",
            "'than anything else' states a result in words",
        ),
        (
            "chapters/th/01-methodology.qmd",
            "`{python} report.breaks_found()`",
            "",
            r"no inline expression `report\.breaks_found\(\)`, which its twin",
        ),
        (
            INTERNAL,
            "แผนภูมิเส้นรายปีพร้อมช่วงความเชื่อมั่นร้อยละ 95 แสดงผู้ย้ายถิ่นภายในประเทศช่วงล่าสุด ร้อยละของประชากร",
            "Line chart by year with confidence intervals",
            r"fig-alt .* is not in the edition's language \(th\)",
        ),
        (INTERNAL, "(ดู @sec-methodology-breaks)", "", "no reference to @sec-methodology-breaks"),
        (
            INTERNAL,
            "@sec-methodology-breaks)",
            "@sec-methodology-breaks) [@un1970]",
            "@un1970, which",
        ),
        (
            "chapters/en/01-methodology.qmd",
            r"\left(z_{hi} - \overline{z}_h\right)^2",
            r"(z_{hi} - \overline{z}_h)^2",
            r"a loose \( breaks in Word",
        ),
        (
            "chapters/en/06-replication.qmd",
            r"\left|a - b\right|",
            "|a - b|",
            r"a loose \| breaks in Word",
        ),
        (
            "chapters/en/06-replication.qmd",
            "```{python}\nreport.made_twice()",
            "```{r}\nmade_twice()",
            "a cell in R",
        ),
        (
            "chapters/en/02-internal.qmd",
            "report.notice()",
            "report.microdata(2024).groupby('sex')",
            "computes in a chapter",
        ),
    ],
)
def test_planted_faults_are_found(project: Path, name: str, old: str, new: str, told: str) -> None:
    change(project, name, old, new)
    with pytest.raises(ChapterError, match=told) as caught:
        lint.check(project, LANGUAGES, YEARS)
    assert "\n" not in str(caught.value)


def test_exhibit_without_its_data_table_is_found(project: Path) -> None:
    """Taken out of both twins, so that nothing else gives it away."""
    cell = '```{python}\nreport.data_table("recent_internal.age_group")\n```\n'
    for language in LANGUAGES:
        change(project, f"chapters/{language}/02-internal.qmd", cell, "")
    told = r"'fig-internal-age': no data table of recent_internal\.age_group"
    with pytest.raises(ChapterError, match=told):
        lint.check(project, LANGUAGES, YEARS)


def test_data_table_is_that_of_the_exhibit(project: Path) -> None:
    for language in LANGUAGES:
        old, new = '("recent_internal.rate", by="sex")', '("lifetime.rate")'
        name = f"chapters/{language}/02-internal.qmd"
        change(project, name, f"data_table{old}", f"data_table{new}")
        # What an overview shows is looked for too.
        old, new = "report.data_table(\n    [", "report.data_list(\n    ["
        change(project, f"index.{language}.qmd", old, new)
    told = [text for text in lint.problems_of(project, LANGUAGES, YEARS) if "no data table" in text]
    assert sum("'fig-internal-sex': no data table of recent_internal.rate" in t for t in told) == 2
    assert sum("'tbl-findings-main': no data table of migrants.total" in t for t in told) == 2


def test_constants_of_the_method_are_no_results() -> None:
    text = "At 95 per cent, of 5 per cent, 1.96 times, $x = 0.3$, `0.7`, @fig-a, 12 months in 2024."
    assert list(lint_text.prose_problems("a.qmd", text, "en")) == []


def test_missing_chapter_and_mistyped_edition(project: Path) -> None:
    (project / INTERNAL).unlink()
    with pytest.raises(ChapterError, match=r"02-internal\.qmd: no such file"):
        lint.check(project, LANGUAGES, YEARS)
    with pytest.raises(ChapterError, match=r"no edition .ht..*en, th"):
        book_project.configuration(project, "ht")


def test_unknown_parameter_is_an_error(project: Path) -> None:
    notebook = read_chapter(project / "chapters/analysis/annual.qmd", "en", {"YYYY": "2024"})
    with pytest.raises(ChapterError, match=r"unknown parameter 'yaer'.*'lang', 'year'"):
        execute(notebook, project / "out.ipynb", "annual.qmd", "en", project, {"yaer": 2021})


def test_raising_cell_names_chapter_cell_and_message(project: Path, edition: object) -> None:
    change(project, "chapters/analysis/annual.qmd", "report.tbl_files(year)", "1 / 0")
    with pytest.raises(ChapterError) as caught:
        run_year(project, "en", 2024)
    assert str(caught.value) == (
        "chapters/analysis/annual.qmd (en, 2024): cell 'tbl-annual-2024-files': "
        "ZeroDivisionError: division by zero"
    )


def test_dead_kernel_is_told_in_one_line(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Red before: the library wrote a second line of its own."""
    chapter = project / "dead.qmd"
    chapter.write_text("```{python}\nimport os\nos._exit(1)\n```\n", encoding="utf-8")
    with pytest.raises(ChapterError, match=r"dead\.qmd: the kernel .* died"):
        execute(read_chapter(chapter), project / "out.ipynb", "dead.qmd", "en", project)
    assert capfd.readouterr() == ("", "")


def test_bad_requests(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTO_PATH", str(tmp_path / "nowhere"))
    assert choose_road("auto") == "builtin"
    with pytest.raises(MissingDependency, match="quarto-cli"):
        choose_road("quarto")
    with pytest.raises(ParameterError, match="--with latex"):
        choose_road("latex")
    with pytest.raises(ParameterError, match="--format odt"):
        build_report(project, project / "params", tmp_path, formats=["odt"])
    with pytest.raises(ChapterError, match="no edition 'fr'"):
        build_report(project, project / "params", tmp_path, langs=["fr"])
    with pytest.raises(InputError, match="no released results"):
        build_report(project, project / "params", tmp_path, with_="builtin")
    (project / "params/report.yml").write_text("years: [2024]\nreprt_year: 2024\n", "utf-8")
    with pytest.raises(ParameterError, match=r"reprt_year|report_year"):
        read_settings(project / "params")


def test_years_follow_the_parameters(project: Path) -> None:
    before = (project / "_quarto-th.yml").read_text(encoding="utf-8")
    assert book_project.sync_years(project, LANGUAGES, list(range(2019, 2025))) == []
    changed = book_project.sync_years(project, LANGUAGES, list(range(2019, 2026)))
    assert [path.name for path in changed] == ["_quarto-en.yml", "_quarto-th.yml"]
    after = (project / "_quarto-th.yml").read_text(encoding="utf-8")
    added = set(after.splitlines()) - set(before.splitlines())
    assert added == {"    - chapters/th/annual/2025.ipynb"}
    assert book_project.listed_years(project, "en") == list(range(2019, 2026))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"book: [\n", "_quarto-en.yml:2: this is not valid YAML"),
        (b"", "_quarto-en.yml: book: expected the key chapters"),
        (b"book: {title: x}\n", "_quarto-en.yml: book: expected the key chapters"),
        (b"book: 3\n", "_quarto-en.yml: book: expected the key chapters"),
        (b"a: 1\nb: \xe9\n", "_quarto-en.yml:2: the file is not UTF-8"),
    ],
)
def test_a_profile_that_cannot_be_used_is_named(project: Path, content: bytes, told: str) -> None:
    (project / "_quarto-en.yml").write_bytes(content)
    with pytest.raises(LfsmigError) as caught:
        book_project.configuration(project, "en")
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("#| label:", "#| label: [x", r"02-internal\.qmd: cell options are not YAML"),
        ("#| label:", "#| label", r"02-internal\.qmd: cell options are not YAML"),
        ("the", "the \udce9", r"02-internal\.qmd:\d+: the text is not UTF-8"),
    ],
)
def test_a_chapter_that_cannot_be_read_is_named(
    project: Path, old: str, new: str, told: str
) -> None:
    path = project / "chapters/en/02-internal.qmd"
    text = path.read_text(encoding="utf-8").replace(old, new)
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ChapterError, match=told):
        read_chapter(path)
