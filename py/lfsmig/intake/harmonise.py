"""Maps the raw files of one year to the harmonised table and records every step of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from lfsmig.errors import InputError
from lfsmig.intake.coding import (
    KEEP,
    Line,
    Misfits,
    Rules,
    Unmapped,
    compile_rules,
    compose,
    map_category,
    map_number,
    map_stamp,
    padded_to,
)
from lfsmig.intake.columns import Coded
from lfsmig.intake.derive import DERIVATIONS
from lfsmig.intake.files import RawYear, open_year
from lfsmig.intake.ledger import ledger_frame
from lfsmig.intake.lookups import lookup_names, lookup_rows, other_list
from lfsmig.intake.masters import master_of, verify, year_folder
from lfsmig.intake.stamps import read_forms
from lfsmig.params import Params, VariableMap, YearParams
from lfsmig.synthetic import folder_is_synthetic, titles_are_synthetic


@dataclass(frozen=True)
class Harmonised:
    """One year's harmonised table, the ledger of its mapping and the receipt of its files.

    Attributes
    ----------
    frame
        One row per person in the order of the file, variables of the data dictionary.
    ledger
        What every source code became, with counts (`lfsmig.intake.ledger`).
    receipt
        Facts of the files and counts of records, ready for JSON.
    blanks
        One row per blank record (a household not interviewed): stratum, psu, area, province.
    """

    year: int
    frame: pd.DataFrame
    ledger: pd.DataFrame
    receipt: dict[str, object]
    blanks: pd.DataFrame
    # What mapped the files, to map them otherwise; absent where a table is read back.
    mapper: Mapper | None = field(default=None, repr=False, compare=False)


def harmonise(params: Params, year: int, raw_dir: Path) -> Harmonised:
    """Read and map one year.

    Parameters
    ----------
    params
        The survey's parameters.
    year
        The year (CE).
    raw_dir
        Folder with one folder per year, or the folder that holds this year's files itself. Of a
        year that was received, the frozen master is read.
    """
    raw_dir = Path(raw_dir)
    if not raw_dir.is_dir():
        raise InputError(
            f"{raw_dir}: the folder of raw files is missing; name it with --raw, "
            "or make synthetic files with lfsmig sample"
        )
    first = params.year(year).map.files[0].path
    master = master_of(raw_dir, year)
    if master is None:
        return harmonise_folder(params, year, year_folder(raw_dir, year, first))
    verify(master)
    made = harmonise_folder(params, year, master.folder)
    made.receipt["master"] = master.version
    return made


def harmonise_folder(params: Params, year: int, folder: Path) -> Harmonised:
    """Read and map one year from the folder that holds its files."""
    year_params = params.year(year)
    where = params.shown(params.dir / "years" / f"{year}.yml")
    raw = open_year(params, year_params, folder, where, design_columns(params, year_params))
    mapper = Mapper(params, year_params, raw, where)
    frame = mapper.run()
    blanks = mapper.blank_households()
    return Harmonised(
        year,
        frame,
        ledger_frame(mapper.ledger),
        _receipt(year_params, raw, frame, blanks, folder),
        blanks,
        mapper,
    )


def design_columns(params: Params, year: YearParams) -> set[str]:
    """Raw columns of the design: all that a record of a household not interviewed may hold."""
    check = year.map.year_check
    columns = {check.column} if check else set()
    for name, entry in year.map.variables.items():
        if params.variables[name].group == "design":
            columns |= {entry.column} if entry.column else set()
            columns |= {part.column for part in entry.parts or []}
    return columns


class Mapper:
    """Holds what grows while a year is mapped: the columns made so far and the ledger.

    Attributes
    ----------
    made
        Harmonised variables by name, one value per person record.
    ledger
        Rows of the ledger, as `lfsmig.intake.ledger.ledger_frame` takes them.
    misfits
        Codes without a meaning by variable, with counts. Only with `lenient`, where they become
        missing; otherwise the first one stops.
    """

    def __init__(
        self, params: Params, year: YearParams, raw: RawYear, where: str, lenient: bool = False
    ) -> None:
        self.params, self.year, self.raw, self.where = params, year, raw, where
        self.made: dict[str, pd.Series] = {}
        self.ledger: list[dict[str, object]] = []
        self.misfits: dict[str, list[tuple[str, int]]] | None = {} if lenient else None

    def run(self) -> pd.DataFrame:
        names = [name for name in self.params.variables if name in self.year.map.variables]
        self.made["year"] = pd.Series(np.full(self.raw.records, self.year.year), dtype="Int64")
        for name in names:
            self.make(name)
        self.universes(names)
        self._note_files()
        order = [name for name in self.params.variables if name in self.made]
        return pd.DataFrame({name: self.made[name] for name in order})

    def make(self, name: str) -> None:
        """Make one variable, and first those that it is made of."""
        if name in self.made:
            return
        entry = self.year.map.variables[name]
        if entry.derive is not None:
            self._derive(name, entry)
        elif entry.parts is not None:
            self._compose(name, entry)
        else:
            self._map(name, entry)

    def _map(self, name: str, entry: VariableMap) -> None:
        column = self.raw.column(str(entry.column))
        kind = self.params.variables[name].type
        if entry.stamp is not None:
            lines = self._stamp(name, column, entry)
        elif kind == "category":
            rules = self._rules(name, entry)
            values, lines, unmapped = map_category(column, entry, rules, self.params.codes(name))
            self._stop_at(name, column, unmapped, rules)
            self.made[name] = pd.Series(values)
        elif kind in ("integer", "number"):
            numbers, lines, misfits = map_number(column, entry, kind == "integer", self._numbers_of)
            self._stop_at_number(name, column, entry, misfits)
            self._stop_at(name, column, misfits.codes)
            series = pd.Series(numbers)
            self.made[name] = series.astype("Int64") if kind == "integer" else series
        else:
            text = np.array([*column.values, None], dtype=object)[column.codes]
            self.made[name] = pd.Series(text, dtype="str")
            lines = [Line("(text)", "(text)", self.raw.records)]
        self._note(name, column, lines, entry)

    def _numbers_of(self, name: str) -> np.ndarray:
        if name not in self.year.map.variables:
            raise self.year.error(("variables",), f"={name} names no mapped variable")
        self.make(name)
        return self.made[name].to_numpy(dtype=float, na_value=np.nan)

    def _rules(self, name: str, entry: VariableMap) -> Rules:
        """Make a category's codes ready: those of its table, its own `codes` before them."""
        codes: dict[str, str | None] = {}
        names = None
        if entry.lookup is not None:
            rows = lookup_rows(self.params, self.year, name, entry.lookup)
            if entry.lookup.match == "name":
                names = lookup_names(self.year, name, entry.lookup, rows)
            else:
                codes = {row[entry.lookup.key]: row[entry.lookup.value] for row in rows}
        codes |= entry.codes or {}
        if not codes and names is None:
            codes = {"other": KEEP}
        width = self.raw.mapping.columns[str(entry.column)].width
        rules = compile_rules(codes, entry.prefix or width)
        rules.names = names
        return rules

    def _stamp(self, name: str, column: Coded, entry: VariableMap) -> list[Line]:
        """Take one part out of a column of stamps."""
        stamp = entry.stamp
        assert stamp is not None
        forms = read_forms(self.params)
        if stamp.form not in forms:
            raise self.year.error(
                ("variables", name, "stamp", "form"),
                f"expected a form of the table of stamps: {', '.join(forms) or 'none is known'}",
            )
        values, lines, unmapped = map_stamp(column, stamp.part, forms[stamp.form].read)
        if unmapped.codes and self.misfits is not None:
            self.misfits[name] = unmapped.codes
        elif unmapped.codes:
            raise InputError(
                f"{column.file}: column {column.found}: {unmapped.text()} cannot be read as "
                f"{stamp.form}; correct variables.{name}.stamp in {self.where}"
            )
        self.made[name] = pd.Series(values).astype("Int64")
        return lines

    def _compose(self, name: str, entry: VariableMap) -> None:
        parts = entry.parts or []
        columns = [self.raw.column(part.column) for part in parts]
        key = compose(columns, [part.width for part in parts], entry.separator)
        lost = pd.isna(key)
        if lost.any() and self.misfits is None:
            blank = next(c for c in columns if (c.codes < 0).any())
            raise InputError(
                f"{blank.file}: column {blank.found}: blank in {int((blank.codes < 0).sum())} "
                f"person records, so {name} cannot be made; correct the file or the parts of "
                f"variables.{name} in {self.where}"
            )
        self.made[name] = pd.Series(key, dtype="str")
        padded = [
            f"{one.found} padded to {width}"
            for one, part in zip(columns, parts, strict=True)
            if (width := padded_to(one, part.width))
        ]
        line = Line("(key)", "(key)", self.raw.records, ", ".join(padded))
        self._note(name, columns[0], [line], entry, "+".join(c.found for c in columns))

    def _derive(self, name: str, entry: VariableMap) -> None:
        if entry.derive not in DERIVATIONS:
            raise self.year.error(
                ("variables", name, "derive"),
                f"expected one of {', '.join(sorted(DERIVATIONS))}",
            )
        for needed in self.year.map.variables:
            if self.year.map.variables[needed].derive is None:
                self.make(needed)
        function, reason = DERIVATIONS[entry.derive]
        values = function(pd.DataFrame(self.made), self.params)
        if self.params.variables[name].type == "category":
            categories = self.params.codes(name)
            values = pd.Series(pd.Categorical(values, categories=categories, ordered=True))
            counts = values.value_counts(sort=False)
            lines = [
                Line("(derived)", str(code), int(count), reason)
                for code, count in counts.items()
                if count
            ]
            if values.isna().any():
                lines.append(Line("(derived)", "", int(values.isna().sum()), reason))
        else:
            lines = [Line("(derived)", "(number)", self.raw.records, reason)]
        self.made[name] = values
        self._add(name, "", f"derive: {entry.derive}", lines, entry.reason)

    def universes(self, names: list[str]) -> None:
        """Blank what was answered outside a variable's universe, when the mapping says so."""
        for name in names:
            condition = self.year.map.variables[name].only_if
            if condition is None:
                continue
            try:
                answer = pd.Series(pd.DataFrame(self.made).eval(condition))
                inside = answer.fillna(False).to_numpy(dtype=bool)
            except Exception as problem:
                raise self.year.error(
                    ("variables", name, "only_if"),
                    f"cannot be evaluated: {str(problem).splitlines()[0]}",
                ) from None
            outside = ~inside & self.made[name].notna().to_numpy()
            if outside.any():
                self.made[name] = self.made[name].mask(outside)
                line = Line("(outside the universe)", "", int(outside.sum()), condition)
                self._add(name, "", "", [line], None)

    def _stop_at(
        self, name: str, column: Coded, unmapped: Unmapped, rules: Rules | None = None
    ) -> None:
        if not unmapped.codes:
            return
        if self.misfits is not None:
            self.misfits.setdefault(name, []).extend(unmapped.codes)
            return
        entry = self.year.map.variables[name]
        hint = other_list(self.params, entry, column.values)
        if rules is not None and rules.names is not None:
            near = [(code, rules.names.near(code)) for code, _ in unmapped.codes[:5]]
            told = ", ".join(f"{code} perhaps {found}" for code, found in near if found)
            hint = f" ({told})" if told else ""
        raise InputError(
            f"{column.file}: column {column.found}: no meaning for code {unmapped.text()}{hint}; "
            f"add it under variables.{name}.codes in {self.where}"
        )

    def _stop_at_number(
        self, name: str, column: Coded, entry: VariableMap, misfits: Misfits
    ) -> None:
        """Stop at what is no number, or none that can be; amounts are not shown, only counts."""
        if self.misfits is not None:
            if misfits.texts or misfits.outside.codes:
                # What a number is may be somebody's answer: it is counted and not shown.
                count = misfits.texts + sum(count for _, count in misfits.outside.codes)
                self.misfits.setdefault(name, []).append(("(no possible number)", count))
            return
        start = f"{column.file}: column {column.found}: "
        if misfits.texts:
            raise InputError(
                f"{start}{misfits.texts} records hold no {misfits.expected}{misfits.hint}; "
                "expected digits, with a point before decimals; correct the export, or give a "
                f"code its meaning under variables.{name}.missing in {self.where}"
            )
        if misfits.outside.codes:
            low, high = (f"{edge:g}" for edge in entry.limits or [])
            outside = misfits.outside.text(longest=0)
            raise InputError(
                f"{start}outside the limits {low} to {high}: {outside}; if it is a code "
                f"give its meaning under variables.{name}.missing in {self.where}, else "
                "correct the file or the limits"
            )

    def _note(
        self,
        name: str,
        column: Coded,
        lines: list[Line],
        entry: VariableMap,
        shown: str | None = None,
    ) -> None:
        layout = self.raw.mapping.columns[column.name].reason
        reason = "; ".join(text for text in (entry.reason, layout) if text)
        self._add(name, column.file, shown or column.found, lines, reason)

    def _add(
        self, name: str, file: str, column: str, lines: list[Line], reason: str | None
    ) -> None:
        order = list(self.params.variables).index(name) if name else -1
        role, overrides = self._given_by(name, column)
        for line in lines:
            self.ledger.append(
                {
                    "order": order,
                    "variable": name,
                    "year": self.year.year,
                    "universe": self._universe(name),
                    "role": role,
                    "overrides": overrides,
                    "source_file": file,
                    "source_column": column,
                    "source_code": line.source_code,
                    "harmonised_code": line.harmonised_code,
                    "records": line.records,
                    "reason": "; ".join(text for text in (line.reason, reason) if text),
                }
            )

    def _universe(self, name: str) -> str:
        """Who can have the variable: the condition of the dictionary, else its words."""
        if not name:
            return ""
        entry = self.params.variables[name]
        return entry.asked_if or next(iter(entry.universe.values()))

    def _given_by(self, name: str, shown: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Who gave a row, by role, and which entries of the year's own file it rests on."""
        mapping, own = self.year.map, self.year.own_keys
        base = f"mapping {mapping.inherits or self.year.year}"
        entry = mapping.variables.get(name)
        columns = [entry.column] if entry and entry.column else []
        columns += [part.column for part in entry.parts or []] if entry else []
        keys = [("variables", name), *(("columns", column) for column in columns)]
        keys += [("absent", name), ("ignore", shown)]
        mine = tuple(key for key in keys if mapping.inherits and key in own)
        roles = []
        for section, key in mine:
            stated = getattr(mapping, section).get(key)
            given = None if isinstance(stated, str) else getattr(stated, "role", None)
            roles.append(given or mapping.role or f"mapping {self.year.year}")
        return ", ".join(dict.fromkeys(roles)) or base, mine

    def _note_files(self) -> None:
        """Record dropped blank records, ignored columns, unlinked records and absent variables."""
        main = self.raw.sources[0].table
        if self.raw.mapping.blank_records:
            line = Line(
                "(blank record)",
                "(dropped)",
                len(self.raw.blanks),
                "household not interviewed; counted as non-response",
            )
            self._add("", main.name, self.raw.mapping.blank_records, [line], None)
        ignored = {name.upper(): reason for name, reason in self.raw.mapping.ignore.items()}
        for source in self.raw.sources:
            for name in source.table.columns:
                reason = ignored.get(name.upper()) or ignored.get(name.upper().removesuffix("_"))
                if reason and name not in source.found.values():
                    rows = source.table.rows
                    line = Line("(column)", "(ignored)", rows, reason)
                    self._add("", source.table.name, name, [line], None)
        for merge in self.raw.merges:
            line = Line(
                "(no record in the file)",
                "",
                int(str(merge["unmatched_here"])),
                "person without a row in this file",
            )
            self._add("", str(merge["file"]), "+".join(self._on(merge)), [line], None)
        for name, reason in self.raw.mapping.absent.items():
            self._add(name, "", "", [Line("(absent)", "", 0, reason)], None)
        for name, answer in self.raw.mapping.decided.items():
            self._add("", "", name, [Line("(decided)", "", 0, answer)], None)
            self.ledger[-1]["role"] = self.raw.mapping.role or f"mapping {self.year.year}"

    @staticmethod
    def _on(merge: dict[str, object]) -> list[str]:
        on = merge["on"]
        return [str(name) for name in on] if isinstance(on, list) else []

    def blank_households(self) -> pd.DataFrame:
        """Return design keys of the blank records, for counts of non-response."""
        made: dict[str, object] = {}
        for name in ("household_id", "province", "area", "stratum", "psu"):
            entry = self.year.map.variables.get(name)
            if entry is None or not len(self.raw.blanks):
                continue
            if entry.parts is not None:
                columns = self.raw.blank_columns([part.column for part in entry.parts])
                made[name] = compose(columns, [part.width for part in entry.parts], entry.separator)
            elif entry.column is not None:
                column = self.raw.blank_columns([entry.column])[0]
                rules = self._rules(name, entry)
                made[name], _, _ = map_category(column, entry, rules, self.params.codes(name))
        return pd.DataFrame(made, index=range(len(self.raw.blanks)))


def _receipt(
    year: YearParams,
    raw: RawYear,
    frame: pd.DataFrame,
    blanks: pd.DataFrame,
    folder: Path,
) -> dict[str, object]:
    main = raw.sources[0].table
    weight = frame["weight"] if "weight" in frame else pd.Series(dtype=float)

    def distinct(name: str) -> int | None:
        return int(frame[name].nunique()) if name in frame else None

    return {
        "year": year.year,
        "synthetic": folder_is_synthetic(folder, year.year)
        or titles_are_synthetic(source.table.title for source in raw.sources),
        "files": [source.table.facts for source in raw.sources],
        "records": main.rows,
        "blank_records": len(raw.blanks),
        "persons": len(frame),
        "households": distinct("household_id"),
        "psus": distinct("psu"),
        "strata": distinct("stratum"),
        "weight_total": float(weight.sum()) if len(weight) else None,
        "weight_min": float(weight.min()) if weight.notna().any() else None,
        "weight_max": float(weight.max()) if weight.notna().any() else None,
        "merges": raw.merges,
        "absent": dict(year.map.absent),
    }
