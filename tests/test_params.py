"""Parameters: what loads, and the one line that each mistake gives."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lfsmig.errors import ParameterError
from lfsmig.params import Params, label, load
from lfsmig.params.query import query_columns
from lfsmig.params.source import merge, read_document

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def params() -> Params:
    return load(ROOT / "params")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the parameter folder with the tables it names."""
    shutil.copytree(ROOT / "params", tmp_path / "params")
    for table in ("codebook/provinces.csv", "codebook/countries.csv",
                  "published/cpi_thailand.csv"):  # fmt: skip
        target = tmp_path / "data" / table
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "data" / table, target)
    return tmp_path / "params"


def change(folder: Path, name: str, old: str, new: str) -> int:
    """Replace text in a file; return the line where the new text begins."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def one_line(action: Callable[[], object]) -> str:
    """Run what must fail with a ParameterError; return its line."""
    with pytest.raises(ParameterError) as caught:
        action()
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_all_parts_load(params: Params) -> None:
    assert params.years == [2019, 2020, 2021, 2022, 2023, 2024]
    assert params.country.definitions.window_months == 12
    assert params.variables["sex"].codes is not None
    assert params.indicators
    assert params.report.report_year in params.years
    assert params.rules.checks["S1"].severity == "E"
    for year in params.years:
        assert params.year(year).map.variables["weight"].column == "WGT"


def test_a_year_states_only_what_differs(params: Params) -> None:
    sex = params.year(2022).map.columns["SEX"]
    assert sex.decode == {"ชาย": "1", "หญิง": "2"}
    assert params.year(2022).map.variables["sex"].codes == {"1": "male", "2": "female"}
    assert params.year(2021).map.columns["SEX"].decode == {}


def test_labels_in_both_languages(params: Params) -> None:
    assert label(params, "province", "38", "th") == "บึงกาฬ"
    assert label(params, "birth_country", "MM", "en") == "Myanmar"
    assert label(params, "birth_region", "abroad", "th") == "ต่างประเทศ"
    assert label(params, "sex", None, "th") == "เพศ"
    assert label(params, "sex", "unheard-of", "en") == "unheard-of"
    assert label(params, "sex", "male", "xx") == "Male"
    assert "this variable is not" in one_line(lambda: label(params, "sexx", None, "en"))


def test_every_text_is_in_every_language(params: Params) -> None:
    for name in params.variables:
        for code in [
            None,
            *(params.codes(name) if params.variables[name].type == "category" else []),
        ]:
            english, thai = (label(params, name, code, lang) for lang in ("en", "th"))
            assert english and thai
            assert not re.search("[ก-๙]", english), (name, code)


def test_hash_follows_content(folder: Path) -> None:
    before = Params(folder)
    same, all_before = before.hash(2023), before.hash()
    change(folder, "years/2022.yml", "the CSV holds Thai labels", "the CSV has Thai labels")
    after = Params(folder)
    assert after.hash(2023) == same
    assert after.hash(2022) != before.hash(2022)
    assert after.hash() != all_before
    countries = folder.parent / "data/codebook/countries.csv"
    countries.write_text(countries.read_text(encoding="utf-8") + "ZZ,ZZZ,999,Z,ซ\n", "utf-8")
    assert Params(folder).hash(2023) != same


def test_scalars_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text(
        "a: 01\nb: yes\nc: no\nd: true\ne: 2024-10-01\nf: 12\ng: 1.5\nh: null\ni: 1:30\n"
        "01: x\n1: y\nj: 0x1f\nk: -3\nl: 1e3\nm:\n",
        encoding="utf-8",
    )
    assert read_document(path).data == {
        "a": "01", "b": "yes", "c": "no", "d": True, "e": "2024-10-01", "f": 12, "g": 1.5,
        "h": None, "i": "1:30", "01": "x", "1": "y", "j": "0x1f", "k": -3, "l": 1000.0, "m": None,
    }  # fmt: skip


def test_merge_replaces_single_fields(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text(
        "variables:\n  sex:\n    column: SEX\n    codes: {1: male, 2: female}\n", "utf-8"
    )
    (tmp_path / "own.yml").write_text(
        "variables:\n  sex:\n    codes: {M: male}\n    reason: r\n", encoding="utf-8"
    )
    merged = merge(
        read_document(tmp_path / "base.yml", "base.yml"),
        read_document(tmp_path / "own.yml", "own.yml"),
    )
    assert merged.data["variables"]["sex"] == {
        "column": "SEX", "codes": {"M": "male"}, "reason": "r"
    }  # fmt: skip
    assert merged.where(("variables", "sex", "column")) == "base.yml:3"
    assert merged.where(("variables", "sex", "codes", "M")) == "own.yml:3"


@pytest.mark.parametrize(
    ("name", "old", "new", "part", "expected"),
    [
        ("country.yml", "labour_age: 15", "labour_agee: 15", "country", "did you mean labour_age?"),
        ("country.yml", "labour_age: 15", "labour_age: fifteen", "country", "whole number"),
        ("country.yml", "labour_age: 15", "labour_age: true", "country", "whole number"),
        ("country.yml", "window_months: 12", "window_months: 0", "country", "greater than"),
        ("country.yml", "labour_age: 15", "code: TH", "country", "this key stands twice"),
        ("country.yml", "move_level: screener", "move_level: village", "country", "'screener'"),
        ("country.yml", "{en: baht, th: บาท}", "{en: baht}", "country", "th is missing"),
        ("country.yml", "    of: reason", "    of: reasons", "variables", "not in variables.yml"),
        ("country.yml", "look_for_work: work", "look_for_work: labour", "variables", "no code"),
        ("variables.yml", "type: category", "type: categorical", "variables", "'category'"),
        ("indicators.yml", "{figure: F0017, category: forever}", "{figure: F0017, compare: none}",
         "indicators", "needs a reason"),
        ("variables.yml", "label: {en: Sex, th: เพศ}", "label: [Sex]", "variables", "keys"),
        ("variables.yml", "label: {en: Sex, th: เพศ}", "label: {en: Sex, fr: Sexe, th: เพศ}",
         "variables", "unknown language"),
        ("indicators.yml", "statistic: total", "statistic: sum", "indicators", "'total'"),
        ("indicators.yml", "statistic: mean", "statistic: ratio", "indicators", "needs one"),
        ("indicators.yml", "per: 100", "per: 0", "indicators", "greater than 0"),
        ("indicators.yml", "population: all", "population: al", "indicators", "did you mean all?"),
        ("indicators.yml", "id: migrants.total", "id: population.total", "indicators", "twice"),
        ("indicators.yml", "by: [[], [region], [sex]]", "by: [[], [regoin]]", "indicators",
         "did you mean region?"),
        ("report.yml", "languages: [en, th]", "languages: [en, thai]", "report",
         "unknown language"),
        ("report.yml", "report_year: 2024", "report_year: 2567", "report", "report's years"),
        ("report.yml", "formats: [html", "formats: [htm", "report", "'html'"),
        ("rules.yml", "S1: {severity: E}", "S1: {severity: fatal}", "rules", "'E'"),
        ("rules.yml", "checks:", "check:", "rules", "did you mean checks?"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line(
    folder: Path, name: str, old: str, new: str, part: str, expected: str
) -> None:
    line = change(folder, name, old, new)
    text = one_line(lambda: getattr(Params(folder), part))
    assert expected in text, text
    file, number, rest = text.split(":", 2)
    assert file == f"params/{name}"
    # A duplicate is found at its second place, everything else where it was put.
    if "stands twice" not in text or "indicators" in name:
        assert int(number) == line, text
    assert re.match(r" [\w.\[\]+-]+: ", rest), text


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("years/base.yml", "    column: SEX\n", "    colum: SEX\n", "did you mean column?"),
        ("years/base.yml", "    column: SEX\n", "    column: SEXX\n", "did you mean SEX?"),
        ("years/base.yml", "    column: SEX\n", "    column: SEX\n    derive: x\n", "exactly one"),
        ("years/base.yml", "  sex:\n", "  gender:\n", "not in the data dictionary"),
        ("years/base.yml", "  sex:\n", "  lifetime: {column: SEX}\n  sex:\n", "made by concepts"),
        ("years/base.yml", "  hours_main: {column: MAIN_HR, limits: [0, 168]}\n", "",
         "hours_main is in the data"),
        ("years/base.yml", "limits: [0, 168]", "limits: [168, 0]", "the lower limit first"),
        ("years/base.yml", "limits: [0, 168]", "limits: [168]", "hours_main.limits"),
        ("years/base.yml", "CWT: {width: 2}", "CWT: {width: two}", "whole number"),
        ("years/2022.yml", "year: 2022", "year: 2565", "expected 2022"),
        ("years/2022.yml", "inherits: base", "inherits: bass", "bass.yml is missing"),
        ("years/2022.yml", "    reason: the CSV holds Thai labels instead of codes\n", "",
         "needs the key reason"),
        ("years/2022.yml", "files:", "absent: {sexx: never}\nfiles:", "absent.sexx"),
        ("years/2022.yml", "files:", "file:", "unknown key"),
    ],
)  # fmt: skip
def test_each_mistake_in_a_mapping_is_one_line(
    folder: Path, name: str, old: str, new: str, expected: str
) -> None:
    change(folder, name, old, new)
    text = one_line(lambda: Params(folder).year(2022))
    assert expected in text, text
    assert re.match(r"params/years/\w+\.yml:\d+: ", text), text


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("single_areas: [10]", "single_areas: [1]", "single_areas[0]: 1 is not in"),
        ("  - [43, 38]", "  - [43, 39, 99]", "families[0][2]: 99 is not in"),
    ],
)
def test_places_must_be_in_the_geography(folder: Path, old: str, new: str, expected: str) -> None:
    line = change(folder, "country.yml", old, new)
    text = one_line(lambda: Params(folder).variables)
    assert text.startswith(f"params/country.yml:{line}: {expected}"), text


def test_absent_takes_a_variable_out(folder: Path) -> None:
    change(folder, "years/2022.yml", "files:", "absent: {hours_main: not asked}\nfiles:")
    year = Params(folder).year(2022)
    assert "hours_main" not in year.map.variables
    assert year.map.absent == {"hours_main": "not asked"}
    assert "hours_main" in Params(folder).year(2021).map.variables


def test_files_that_cannot_be_read(folder: Path) -> None:
    assert "there is no mapping for 2031" in one_line(lambda: Params(folder).year(2031))
    assert "folder is missing" in one_line(lambda: load(folder / "nowhere"))
    (folder / "rules.yml").unlink()
    assert "rules.yml: the parameter file is missing" in one_line(lambda: Params(folder).rules)
    text = (folder / "country.yml").read_text(encoding="utf-8")
    (folder / "country.yml").write_bytes(text.encode("cp874", errors="replace"))
    assert re.match(
        r"params/country.yml:\d+: the file is not UTF-8", one_line(lambda: load(folder))
    )
    (folder / "country.yml").write_text("a: [1, 2\nb: 3\n", encoding="utf-8")
    assert "not valid YAML" in one_line(lambda: load(folder))
    (folder / "country.yml").write_text("- a\n- b\n", encoding="utf-8")
    assert "expected keys with values" in one_line(lambda: load(folder))
    (folder / "country.yml").write_text("", encoding="utf-8")
    assert "required and missing" in one_line(lambda: load(folder))


def test_a_table_that_is_missing(folder: Path) -> None:
    (folder.parent / "data/codebook/provinces.csv").unlink()
    assert "provinces.csv: the table named" in one_line(lambda: load(folder).codes("province"))


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("age >= 15", ["age"]),
        ("age.between(25, 34)", ["age"]),
        (
            'sex == "male" and region in ["1", "2"] or not moved == "yes"',
            ["sex", "region", "moved"],
        ),
        ("abs(age - 30) < 5 & `sex` != 'region'", ["age", "sex"]),
        ("age > age and True", ["age"]),
    ],
)
def test_columns_of_a_condition(query: str, columns: list[str]) -> None:
    assert query_columns(query) == columns


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("agee >= 15", "agee is not in variables.yml; did you mean age?"),
        ("age >= 15 and sexes == 'male'", "sexes is not in variables.yml"),
        ("age >=", "`age >=` is no condition"),
        ("@age > 3", "`@age > 3` is no condition"),
    ],
)
def test_a_condition_that_no_year_can_meet(folder: Path, where: str, words: str) -> None:
    line = change(folder, "indicators.yml", "    where: age >= 15", f'    where: "{where}"')
    text = one_line(lambda: load(folder).indicators)
    assert f"indicators.yml:{line}" in text
    assert words in text


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: !!int abc\n", 2, "b: `abc` is not a number"),
        ("a: !!float abc\n", 1, "a: `abc` is not a number"),
        ("a: !!float inf\n", 1, "a: `inf` is not a number"),
        ("a: 1e999\n", 1, "a: `1e999` is not a number"),
        (f"a: {'9' * 5000}\n", 1, "a: `99999999999999999999…` is not a number"),
        ("a: 1\nb: &self\n  - *self\n", 2, "anchor"),
        ("a: 1\nb: " + "[" * 5000 + "]" * 5000 + "\n", None, "levels deep"),
        ("a: 1\nb: " + "[" * 100 + "]" * 100 + "\n", 2, "levels deep"),
        ("a: [1\n", 2, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: \x07\n", 1, "not valid YAML"),
    ],
)
def test_whatever_is_wrong_with_yaml_is_one_line(
    text: str, line: int | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.yml"
    path.write_text(text, encoding="utf-8")
    told = one_line(lambda: read_document(path, "params/report.yml"))
    assert told.startswith(f"params/report.yml:{line}:" if line else "params/report.yml:")
    assert words in told
    assert len(told) < 200


@pytest.mark.parametrize("years", ["[2024, 2019, 2021]", "[2019, 2021, 2021, 2024]"])
def test_years_of_the_report_ascend_and_stand_once(folder: Path, years: str) -> None:
    line = change(
        folder, "report.yml", "years: [2019, 2020, 2021, 2022, 2023, 2024]", f"years: {years}"
    )
    told = one_line(lambda: load(folder).report)
    assert told.startswith(f"params/report.yml:{line}: years: ")
    assert "ascending" in told
