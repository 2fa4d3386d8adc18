"""Yearly tables put on the same rows and the same PSU columns, so that years can be compared."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey.estimate import VALUE_COLUMNS

NOT_KEYS = {*VALUE_COLUMNS, "year", "n_cases"}


@dataclass(frozen=True)
class YearCells:
    """One table of one year: its rows, and the PSU sums behind them.

    `link` names a run of years whose PSU codes are comparable; None: with no other year.
    Without `influence` (quantiles) years count as independent. `present` says where the rows have
    cases if that is not where `influence` has entries.
    """

    year: int
    link: Hashable
    frame: pd.DataFrame
    influence: sparse.csr_array | None
    psu_table: pd.DataFrame | None
    present: sparse.csr_array | None = None


@dataclass(frozen=True)
class Aligned:
    """Years over the same rows and, within a link, the same PSU columns."""

    years: np.ndarray
    keys: pd.DataFrame
    estimate: np.ndarray  # years x rows
    se: np.ndarray
    df: np.ndarray
    groups: np.ndarray  # year -> group of linked years, -1 alone
    influence: list[sparse.csr_array | None]  # rows x PSUs of the group
    present: list[sparse.csr_array | None]  # the same entries: 1 where the row has a case, else 0
    places: list[pd.DataFrame | None]  # PSU of the year: column, stratum, scale, centred


Series = Mapping[int, YearCells] | Iterable[YearCells]


def align(cells: Series) -> Aligned:
    """Put the tables of a series on common rows and PSU columns."""
    listed = list(cells.values()) if isinstance(cells, Mapping) else list(cells)
    listed.sort(key=lambda one: one.year)
    years = np.array([one.year for one in listed], dtype="int64")
    if len(set(years)) < len(years):
        raise EstimationError(f"a series has a year twice: {', '.join(map(str, years))}")
    names = _key_names(listed)
    tables = [_key_table(one, names) for one in listed]
    keys = _common_rows(tables, names)
    # A table without `by` or category still has one row; a constant key keeps the join plain.
    index = pd.MultiIndex.from_frame(keys.astype(str)) if names else pd.RangeIndex(len(keys))
    places = [_positions(index, table, names) for table in tables]
    values = {name: np.full((len(listed), len(keys)), np.nan) for name in ("estimate", "se", "df")}
    values["df"][:] = 0
    for position, (one, at) in enumerate(zip(listed, places, strict=True)):
        for name, array in values.items():
            array[position, at] = one.frame[name].to_numpy(dtype="float64")
    groups = _groups(listed)
    influence, present, psus = _common_psus(listed, groups, places, len(keys))
    return Aligned(
        years, keys, values["estimate"], values["se"], values["df"], groups, influence, present,
        psus,
    )  # fmt: skip


def on_log_scale(aligned: Aligned) -> Aligned:
    """Logarithms of the estimates: SEs and PSU sums are divided by the estimate.

    An estimate that is not positive has no logarithm and counts as missing.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(aligned.estimate > 0, 1 / aligned.estimate, np.nan)
        estimate = np.where(aligned.estimate > 0, np.log(aligned.estimate), np.nan)
    influence = [
        None if matrix is None else _scaled(matrix, scale)
        for matrix, scale in zip(aligned.influence, np.nan_to_num(inverse), strict=True)
    ]
    return replace(aligned, estimate=estimate, se=aligned.se * inverse, influence=influence)


def _scaled(matrix: sparse.csr_array, scale: np.ndarray) -> sparse.csr_array:
    """Rows times a number each; stored zeros stay, because they tell which PSUs have cases."""
    data = matrix.data * np.repeat(scale, np.diff(matrix.indptr))
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _key_names(listed: list[YearCells]) -> list[str]:
    if not listed:
        return []
    names = [name for name in listed[0].frame.columns if name not in NOT_KEYS]
    for one in listed:
        here = [name for name in one.frame.columns if name not in NOT_KEYS]
        if here != names:
            raise EstimationError(
                f"tables of {listed[0].year} and {one.year} have different keys: {names}, {here}"
            )
    return names


def _key_table(one: YearCells, names: list[str]) -> pd.DataFrame:
    table = one.frame[names].reset_index(drop=True)
    if names and table.astype(str).duplicated().any():
        raise EstimationError(f"the table of {one.year} has a row twice; keys are {names}")
    return table


def _common_rows(tables: list[pd.DataFrame], names: list[str]) -> pd.DataFrame:
    if not names:
        return pd.DataFrame(index=pd.RangeIndex(max((len(t) for t in tables), default=0)))
    plain = pd.concat([table.astype(object) for table in tables], ignore_index=True)
    kept = plain.loc[~plain.astype(str).duplicated()].reset_index(drop=True)
    # The common type where the years agree on one, e.g. an ordered category.
    for name in names:
        if len({table[name].dtype for table in tables}) == 1:
            kept[name] = kept[name].astype(tables[0][name].dtype)
    return kept


def _positions(index: pd.Index, table: pd.DataFrame, names: list[str]) -> np.ndarray:
    if not names:
        return np.arange(len(table))
    return index.get_indexer(pd.MultiIndex.from_frame(table.astype(str)))


def _groups(listed: list[YearCells]) -> np.ndarray:
    links: dict[Hashable, int] = {}
    groups = np.full(len(listed), -1)
    for position, one in enumerate(listed):
        if one.link is not None and one.influence is not None and one.psu_table is not None:
            groups[position] = links.setdefault(one.link, len(links))
    return groups


def _common_psus(
    listed: list[YearCells], groups: np.ndarray, places: list[np.ndarray], n_rows: int
) -> tuple[list[sparse.csr_array | None], list[sparse.csr_array | None], list[pd.DataFrame | None]]:
    influence: list[sparse.csr_array | None] = [None] * len(listed)
    present: list[sparse.csr_array | None] = [None] * len(listed)
    psus: list[pd.DataFrame | None] = [None] * len(listed)
    for group in range(groups.max(initial=-1) + 1):
        members = np.flatnonzero(groups == group)
        tables = [_psu_table(listed[m]) for m in members]
        both = pd.concat(tables, ignore_index=True)
        code = both.groupby(["stratum", "psu"], sort=True).ngroup().to_numpy()
        stratum = both.groupby("stratum", sort=True).ngroup().to_numpy()
        ends = np.cumsum([len(table) for table in tables])[:-1]
        columns, strata = np.split(code, ends), np.split(stratum, ends)
        for member, table, column, within in zip(members, tables, columns, strata, strict=True):
            psus[member] = table.assign(column=column, stratum_code=within)
            row, psu, value, case = _entries(listed[member])
            at = (places[member][row], column[psu])
            shape = (n_rows, int(code.max()) + 1)
            influence[member] = sparse.coo_array((value, at), shape=shape).tocsr()
            present[member] = sparse.coo_array((case, at), shape=shape).tocsr()
    return influence, present, psus


def _entries(one: YearCells) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Row, PSU and value of the influence sums, and whether the row has a case there.

    A place may come twice, once for its sum and once for its case; the two are added up.
    """
    sums = sparse.coo_array(one.influence)
    if one.present is None:
        return sums.row, sums.col, sums.data, np.ones(sums.nnz)
    cases = sparse.coo_array(one.present)
    return (
        np.concatenate([sums.row, cases.row]), np.concatenate([sums.col, cases.col]),
        np.concatenate([sums.data, np.zeros(cases.nnz)]),
        np.concatenate([np.zeros(sums.nnz), np.ones(cases.nnz)]),
    )  # fmt: skip


def _psu_table(one: YearCells) -> pd.DataFrame:
    assert one.psu_table is not None
    table = one.psu_table.reset_index(drop=True)
    if "scale" in table:
        return table
    n = table.groupby("stratum")["psu"].transform("size").to_numpy(dtype="float64")
    return table.assign(scale=np.where(n > 1, n / np.maximum(n - 1, 1), 1.0), centred=n > 1)
