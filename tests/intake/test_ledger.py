"""The ledger says what the code did: counted again from the raw files, and by an interpreter."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import raw_files
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsmig import indicators
from lfsmig.effects import SAME, effects_of
from lfsmig.intake.coding import compile_rules, map_category
from lfsmig.intake.columns import code_column
from lfsmig.intake.harmonise import Harmonised, harmonise
from lfsmig.intake.ledger import COLUMNS, with_effects, write_ledger
from lfsmig.intake.read import RawTable
from lfsmig.params import Params
from lfsmig.params.mapping import Column, VariableMap


def raw_texts(folder: Path, year: int) -> pd.DataFrame:
    """Read a year's files by other means, as texts of the persons in the order of the main file."""
    parts = []
    for path in sorted(folder.glob("*.[dsc][tas][avs]*")):
        if path.suffix == ".csv":
            frame = pd.read_csv(path, encoding="cp874", dtype=str, keep_default_na=False)
        else:
            reader = pyreadstat.read_dta if path.suffix == ".dta" else pyreadstat.read_sav
            frame = reader(str(path))[0]
        frame.columns = [name.upper().removesuffix("_") for name in frame.columns]
        parts.append(frame.map(_text))
    main = parts[0][parts[0]["NO"].ne("")]
    for more in parts[1:]:
        new = [name for name in more if name not in main or name in raw_files.KEY]
        main = main.merge(more[new], on=raw_files.KEY, how="left").fillna("")
    return main.reset_index(drop=True)


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else str(int(value)) if value.is_integer() else repr(value)
    return "" if value is None else str(value).strip()


@pytest.mark.parametrize("year", raw_files.NAMES)
def test_ledger_and_table_are_counted_again(params: Params, raw: Path, year: int) -> None:
    result = harmonise(params, year, raw)
    texts = raw_texts(raw / str(year), year)
    mapping = params.year(year).map
    checked = 0
    for name, entry in mapping.variables.items():
        rows = result.ledger[result.ledger["variable"].eq(name)]
        assert rows["records"].sum() == len(result.frame), name
        assert set(rows["year"]) == {year}
        if entry.column is None or params.variables[name].type != "category":
            continue
        column = texts[entry.column]
        pairs = zip(
            column.where(column.ne(""), "(blank)"),
            result.frame[name].astype(object).where(result.frame[name].notna(), ""),
            strict=True,
        )
        told = Counter()
        for row in rows.itertuples():
            told[row.source_code, row.harmonised_code] += row.records
        assert told == Counter(pairs), name
        checked += 1
    assert checked > 20


# --- an interpreter of the mapping language in a few lines --------------------------------------

TARGETS = ["a", "b", "c"]
CODE = st.integers(0, 9)
KEY = st.one_of(
    CODE.map(str),
    st.tuples(CODE, CODE).map(lambda pair: f"{min(pair)}-{max(pair)}"),
    st.lists(CODE, min_size=2, max_size=3, unique=True).map(lambda v: ",".join(map(str, v))),
    st.sampled_from(["blank", "other"]),
)
MAPPINGS = st.dictionaries(KEY, st.sampled_from([*TARGETS, None]), min_size=1, max_size=6)


def interpreted(
    value: int | None, codes: dict[str, str | None], missing: dict[str, str]
) -> str | None:
    """Say what a value becomes; "?" has no meaning."""
    if value is None:
        return codes.get("blank")
    if str(value) in missing:
        return None
    spans = []
    for key, target in codes.items():
        if key not in ("blank", "other"):
            for token in key.split(","):
                low, _, high = token.partition("-")
                spans.append((int(low), int(high or low), bool(high), target))
    exact = [target for low, _, is_span, target in spans if not is_span and low == value]
    within = [target for low, high, is_span, target in spans if is_span and low <= value <= high]
    if exact:
        return exact[-1]
    if within:
        return within[0]
    return codes.get("other", "?")


@settings(max_examples=60)
@given(
    st.lists(st.one_of(st.none(), CODE), min_size=1, max_size=40),
    MAPPINGS,
    st.dictionaries(CODE.map(str), st.just("unknown"), max_size=2),
)
def test_any_mapping_is_done_as_it_is_written(
    values: list[int | None], codes: dict[str, str | None], missing: dict[str, str]
) -> None:
    array = np.array([np.nan if v is None else float(v) for v in values])
    table = RawTable("file", {"X": array}, len(values), {})
    column = code_column(table, "X", "X", Column(), "")
    entry = VariableMap(column="X", codes=codes, missing=missing)
    got, lines, unmapped = map_category(column, entry, compile_rules(codes, None), TARGETS)
    expected = [interpreted(value, codes, missing) for value in values]
    shown = [None if code == "?" else code for code in expected]
    assert [None if pd.isna(code) else code for code in got] == shown
    told = Counter({(line.source_code, line.harmonised_code): line.records for line in lines})
    without = Counter(str(v) for v, code in zip(values, expected, strict=True) if code == "?")
    assert Counter(dict(unmapped.codes)) == without
    assert told == Counter(
        ("(blank)" if value is None else str(value), code or "")
        for value, code in zip(values, expected, strict=True)
        if code != "?"
    )


# --- role and effect ----------------------------------------------------------------------------


def effects(params: Params, year: int, raw: Path) -> tuple[Harmonised, dict[tuple[str, str], str]]:
    result = harmonise(params, year, raw)
    return result, effects_of(params, result, indicators.analysis_frame(result.frame, params, year))


def test_every_difference_tells_role_and_effect(params: Params, raw: Path, tmp_path: Path) -> None:
    result, found = effects(params, 2022, raw)
    ledger = with_effects(result.ledger, found)
    own = params.document("years/2022.yml").data["columns"]
    assert {name for _, name in found} == set(own)
    rows = ledger[ledger["source_column"].isin(own)]
    assert set(rows["role"]) == {"mapping 2022"}
    assert rows["effect"].ne("").all()
    others = ledger[~ledger["role"].eq("mapping 2022")]
    assert set(others["role"]) == {"mapping base"}
    assert others["effect"].eq("").all()
    assert "nobody is counted" in found["columns", "SYN_MOVED"]
    assert "migrants.rate unchanged" in found["columns", "SYN_REMIT"]
    written = write_ledger(ledger, tmp_path, 2022, 5).read_text(encoding="utf-8")
    assert written.splitlines()[0] == ",".join(COLUMNS)


def test_the_effect_is_that_of_the_two_mappings(edited, raw: Path) -> None:
    changed = edited(
        "years/2021.yml",
        "  - path: lfs644.sav\n",
        "  - path: lfs644.sav\n"
        "variables:\n"
        "  moved: {missing: {2: lost}, reason: another reading, role: head of the survey}\n"
        "  sex: {codes: {1: male, 2: female}, reason: as ever}\n",
    )
    plain = edited("years/2020.yml", "year: 2020", "year: 2020")
    result, found = effects(changed, 2021, raw)
    assert found["variables", "sex"] == SAME
    rates = []
    for text in (None, ""):
        if text is not None:
            path = plain.dir / "years/2021.yml"
            whole = path.read_text(encoding="utf-8")
            path.write_text(whole[: whole.index("variables:")], encoding="utf-8")
        other = Params(plain.dir)
        table = harmonise(other, 2021, raw)
        frame = indicators.analysis_frame(table.frame, other, 2021)
        rates.append(indicators.headline(other, 2021, frame)["migrants.rate"])
    assert rates[0] != rates[1]
    assert f"migrants.rate {100 * (rates[0] / rates[1] - 1):+.2f} %" in found["variables", "moved"]
    rows = result.ledger[result.ledger["variable"].eq("moved")]
    assert set(rows["role"]) == {"head of the survey"}
