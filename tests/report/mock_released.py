"""A small released folder, the same bytes every time: enough for every chapter to render.

The numbers are invented by simple formulas. They look like a survey's (a rise in 2020, a fall in
2021, wide intervals for small groups, some cells withheld), and nothing more.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from mock_numbers import (
    AMOUNTS,
    BREAK,
    CATEGORIES,
    DOMAINS,
    NET,
    POPULATION,
    RATES,
    SHARES,
    SIZE,
    SURGE,
    WHOLE,
    YEARS,
)
from scipy import stats

from lfsmig import families, twins
from lfsmig.params import load
from lfsmig.results import RESULT_COLUMNS, SCHEMA_VERSION, TREND_COLUMNS, domain_text

PARAMS = Path(__file__).parents[2] / "params"


def wobble(*key: object) -> float:
    """A fixed number in (-1, 1) for a key: repeatable without a random generator's state."""
    digest = hashlib.sha256("|".join(map(str, key)).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**31 - 1


def fraction(domain: dict[str, str]) -> float:
    """Rough share of a domain in the population."""
    parts = {"1": 0.13, "2": 0.29, "3": 0.16, "4": 0.28, "5": 0.14}
    part = parts.get(domain.get("region", ""), 1.0)
    return part * (0.5 if "sex" in domain else 1.0)


def row(
    year: int,
    key: tuple[str, dict[str, str], str, str, str],
    value: float,
    se: float,
    n: int,
    cases: int,
) -> dict[str, Any]:
    """One result row with its interval and its publication flag."""
    indicator, domain, category, statistic, unit = key
    cv = se / abs(value) if value else math.nan
    if unit == "share" and 0 < value < 1:
        centre, half = math.log(value / (1 - value)), 1.96 * se / (value * (1 - value))
        low, high = (1 / (1 + math.exp(-(centre + sign * half))) for sign in (-1, 1))
    else:
        low, high = value - 1.96 * se, value + 1.96 * se
    flag = "c" if 0 < cases < 5 else "s" if n < 30 or cv > 0.333 else "*" if cv > 0.2 else ""
    if "net_" in indicator:
        flag = ""
    return {
        "schema_version": SCHEMA_VERSION,
        "year": year,
        "indicator": indicator,
        "domain": domain_text(domain),
        "category": category,
        "statistic": statistic,
        "unit": unit,
        "engine": "python",
        "estimate": value,
        "se": se,
        "cv": cv,
        "df": 5800.0,
        "ci_low": low,
        "ci_high": high,
        "n": n,
        "n_psu": min(n, 5900),
        "deff": 1.6,
        "n_cases": cases,
        "flag": flag,
        "reason": {"c": "cases", "s": "cv", "*": "cv"}.get(flag, ""),
        "rule_set": "repo",
    }


def share_rows(year: int) -> Iterator[dict[str, Any]]:
    """Yield shares of every population, for the whole country, regions and sexes."""
    tables = [(p, item, d) for p, items in SHARES.items() for item in items for d in DOMAINS]
    nowhere: dict[str, str] = {}
    tables += [(p, item, nowhere) for p, items in WHOLE.items() for item in items]
    for population, item, domain in tables:
        _, cases = SIZE[population]
        n = max(3, int(cases * SURGE[year] * fraction(domain)))
        raw = {
            code: base * (1 + 0.12 * wobble(population, item, code, year, domain))
            for code, base in CATEGORIES.get(f"{population}.{item}", CATEGORIES[item]).items()
        }
        total = sum(raw.values())
        for code, part in raw.items():
            value = part / total
            se = math.sqrt(1.6 * value * (1 - value) / n)
            key = (f"{population}.{item}", domain, code, "share", "share")
            yield row(year, key, value, se, n, max(1, round(n * value)))


def level_rows(year: int) -> Iterator[dict[str, Any]]:
    """Yield populations, totals and rates."""
    for domain in DOMAINS:
        persons = POPULATION[year] * fraction(domain)
        n = int(205000 * fraction(domain))
        yield row(
            year,
            ("population.total", domain, "", "total", "persons"),
            persons,
            persons * 0.003,
            n,
            n,
        )
        for population, (part, cases) in SIZE.items():
            level = part * (1 + 0.1 * wobble(population, domain))
            level *= 1.0 + 0.01 * (year - 2019) if population == "lifetime" else SURGE[year]
            if population == "recent_international":
                level *= 0.4 if year == 2021 else 1.0
            seen = max(2, int(cases * level / part * fraction(domain)))
            cv = math.sqrt(1.8 / seen)
            key = (f"{population}.total", domain, "", "total", "persons")
            yield row(year, key, persons * level, persons * level * cv, n, seen)
            key = (f"{population}.rate", domain, "", "rate", "percent")
            yield row(year, key, 100 * level, 100 * level * cv, n, seen)
        for indicator, level in RATES.items():
            value = level * (1 + 0.03 * wobble(indicator, domain, year))
            yield row(year, (indicator, domain, "", "rate", "percent"), value, value * 0.02, n, n)


def region_rows(year: int) -> Iterator[dict[str, Any]]:
    """Yield flows between regions."""
    for region, net in NET.items():
        domain = {"region": region}
        persons = POPULATION[year] * fraction(domain)
        shift = net * (1 + 0.4 * wobble("net", region, year))
        rates = {"in_rate": 0.5 + shift / 2, "out_rate": 0.5 - shift / 2, "net_rate": shift}
        for name, value in rates.items():
            key = (f"recent_internal.{name}", domain, "", "rate", "percent")
            yield row(year, key, value, 0.035, 20000, 150)
        total = persons * shift / 100
        key = ("recent_internal.net_total", domain, "", "total", "persons")
        yield row(year, key, total, persons * 0.035 / 100, 20000, 150)
        key = ("recent_internal.effectiveness", domain, "", "ratio", "percent")
        yield row(year, key, 100 * shift, 6.0, 20000, 150)


def amount_rows(year: int) -> Iterator[dict[str, Any]]:
    """Yield remittance amounts, in baht."""
    for domain in DOMAINS:
        n = max(5, int(390 * SURGE[year] * fraction(domain)))
        for indicator, level in AMOUNTS.items():
            value = level * (1 + 0.08 * wobble(indicator, domain, year))
            statistic = "median" if "median" in indicator else "mean"
            yield row(
                year,
                (indicator, domain, "", statistic, "baht"),
                value,
                value * 1.1 / math.sqrt(n),
                n,
                n,
            )
        value = 2.8e9 * SURGE[year] * fraction(domain)
        yield row(
            year,
            ("remittances.total", domain, "", "total", "baht"),
            value,
            value * 1.3 / math.sqrt(n),
            n,
            n,
        )
        value = 9.0 * (1 + 0.05 * wobble("wage", domain, year))
        yield row(
            year,
            ("remittances.share_of_wage", domain, "", "ratio", "percent"),
            value,
            value * 1.2 / math.sqrt(n),
            n,
            n,
        )


def results(year: int) -> pd.DataFrame:
    """All released rows of a year; withheld values are blank."""
    rows = [*level_rows(year), *share_rows(year), *region_rows(year), *amount_rows(year)]
    frame = pd.DataFrame(rows)[[*RESULT_COLUMNS, "flag", "reason", "rule_set"]]
    hidden = frame["flag"].isin(["c", "s"])
    blank = ["estimate", "se", "cv", "ci_low", "ci_high", "deff"]
    frame.loc[hidden, blank] = math.nan
    frame.loc[frame["flag"].eq("c"), ["n_cases"]] = math.nan
    return frame


def trends(frames: dict[int, pd.DataFrame]) -> pd.DataFrame:
    """Adjacent-year changes and slopes of every series, years taken as independent."""
    every = pd.concat(frames.values(), ignore_index=True)
    rows: list[dict[str, Any]] = []
    for (indicator, domain, category), unsorted in every.groupby(
        ["indicator", "domain", "category"], sort=True
    ):
        group = unsorted.sort_values("year")
        base = {
            "schema_version": SCHEMA_VERSION,
            "indicator": indicator,
            "domain": domain,
            "category": category,
            "unit": group["unit"].iloc[0],
            "engine": "python",
        }
        pairs = zip(group.iloc[:-1].itertuples(), group.iloc[1:].itertuples(), strict=True)
        for before, after in pairs:
            change, se = after.estimate - before.estimate, math.hypot(before.se, after.se)
            rows.append({**base, **tested("change", before.year, after.year, change, se)})
        slope = float((group["year"] - 2021.5) @ group["estimate"]) / 17.5
        se = float(group["se"].mean()) / math.sqrt(17.5)
        rows.append({**base, **tested("slope", YEARS[0], YEARS[-1], slope, se)})
    made = [name for name in TREND_COLUMNS if name not in ("level", "p_adjusted")]
    frame = pd.DataFrame(rows)[made]
    frame["p_adjusted"] = families.adjusted(frame)
    return frame.assign(flag=frame["estimate"].isna().map({True: "s", False: ""}))


def tested(statistic: str, first: int, last: int, estimate: float, se: float) -> dict[str, Any]:
    """A trend row's own columns."""
    t = estimate / se if se else math.nan
    return {
        "statistic": statistic,
        "year_from": first,
        "year_to": last,
        "estimate": estimate,
        "se": se,
        "df": 5800.0,
        "ci_low": estimate - 1.96 * se,
        "ci_high": estimate + 1.96 * se,
        "statistic_value": t,
        "p": float(2 * stats.norm.sf(abs(t))),
        "lack_of_fit_p": 0.0004
        if statistic == "slope" and abs(t) > 2
        else 0.4
        if statistic == "slope"
        else math.nan,
    }


def crosscheck(frame: pd.DataFrame) -> pd.DataFrame:
    """Both engines' values of the cells that may be shown: they differ in the last bits at most."""
    shown = frame[~frame["flag"].isin(["c", "s"])].reset_index(drop=True)
    tiny = shown.index.to_series().mod(3) * 1e-14
    return pd.DataFrame(
        {
            **{k: shown[k] for k in ("indicator", "domain", "category", "statistic", "unit")},
            "estimate_python": shown["estimate"],
            "estimate_r": shown["estimate"] * (1 + tiny),
            "se_python": shown["se"],
            "se_r": shown["se"] * (1 + tiny),
            "relative_difference": tiny,
            "verdict": tiny.gt(0).map({True: "match", False: "exact"}),
        }
    )


def summary(year: int, frame: pd.DataFrame) -> dict[str, Any]:
    """What was received and how it passed the checks."""
    check = {"status": "passed", "count": 0, "counts": "records", "share": 0.0}
    help_ = {
        "K1": {"en": "Person keys are unique", "th": "รหัสบุคคลไม่ซ้ำกัน"},
        "W1": {"en": "Weights are positive and complete", "th": "ค่าถ่วงน้ำหนักเป็นบวกและครบทุกราย"},
        "M2": {"en": "Previous place differs from the present one", "th": "ที่อยู่เดิมไม่ตรงกับที่อยู่ปัจจุบัน"},
        "S5": {"en": "Layout as last year", "th": "โครงสร้างแฟ้มเหมือนปีก่อน"},
        "W5": {"en": "The population grows as one does", "th": "ประชากรเพิ่มตามปกติ"},
    }
    checks = [
        {"id": key, "severity": "W" if key == "S5" else "E", **check, "help": text}
        for key, text in help_.items()
    ]
    checks[-2] |= {"status": "warning", "count": 2, "counts": "columns", "share": 0.04}
    # The projections behind the weights change where the sum of weights jumps.
    if year == BREAK:
        checks[-1] |= {"status": "fail", "count": 1, "counts": "years", "share": 1.0}
        checks[-1]["reason"] = "+2.27 % a year since 2021"
    exact = int(len(frame) * 2 / 3)
    files = [
        {
            "name": f"lfs{year + 543 - 2500}4.sav",
            "format": "sav",
            "rows": 215400,
            "columns": 58,
            "sha256": hashlib.sha256(str(year).encode()).hexdigest(),
            "size": 31457280,
        }
    ]
    return {
        "year": year,
        "synthetic": True,
        "files": files,
        "records": 215400,
        "blank_records": 10800,
        "persons": 204600,
        "households": 72900,
        "psus": 5970,
        "strata": 153,
        "weight_total": POPULATION[year],
        "weight_min": 38.2,
        "weight_max": 2110.7,
        "checks": checks,
        "absent": {"register": "the item is not in this year's file"},
        "crosscheck": {
            "made": True,
            "reason": "",
            "cells": len(frame),
            "verdicts": {"exact": exact, "match": len(frame) - exact},
            "worst": {"estimate": 2.0e-14, "se": 2.0e-14},
        },
    }


def published(frames: dict[int, pd.DataFrame]) -> pd.DataFrame:
    """Printed figures beside the estimates of the same cells."""
    wanted = [
        ("F0010", 2021, "recent_internal.labour_status", "employed", 58.6, "NSO_IOM_EN"),
        ("F0023", 2019, "lifetime.labour_status", "employed", 70.3, "NSO_IOM_EN"),
        ("F0022", 2023, "recent_international.region_of_residence", "2", 78.9, "NSO_IOM_EN"),
        ("F0027", 2023, "lifetime.sector", "agriculture", 9.4, "NSO_IOM_EN"),
        ("F0020", 2021, "recent_international.expected_stay", "under_3_months", 13.9, "NSO_IOM_EN"),
    ]
    rows = []
    for figure, year, indicator, category, value, source in wanted:
        frame = frames[year]
        cell = frame[
            (frame["indicator"] == indicator)
            & (frame["category"] == category)
            & (frame["domain"] == "{}")
        ].iloc[0]
        z = (cell["estimate"] - value / 100) / cell["se"]
        verdict = "match" if abs(z) < 1.96 else "differ"
        rows.append(
            {
                "figure": figure,
                "year": str(year),
                "indicator": indicator,
                "domain": "{}",
                "category": category,
                "statistic": "estimate",
                "unit": "share",
                "printed": str(value),
                "published": value / 100,
                "estimate": cell["estimate"],
                "se": cell["se"],
                "z": z,
                "verdict": "not_comparable" if math.isnan(z) else verdict,
                "source": source,
                "page": "9",
                "reliability": "printed",
            }
        )
    rest = {"domain": "{}", "source": "PRESS", "reliability": "printed", "verdict": "match"}
    rest["page"] = ""
    change = {"figure": "F0196", "year": "2022", "indicator": "migrants.total", "category": ""}
    change |= {"statistic": "change", "unit": "persons", "published": 142000.0}
    average = {"figure": "F0014", "year": "2019-2023", "category": "yes", "unit": "share"}
    average |= {"indicator": "recent_internal.sent_remittances", "statistic": "average"}
    population = {"indicator": "population.total", "category": "", "statistic": "estimate"}
    population |= {"unit": "persons"}
    first = {"figure": "F0169", "year": "2019", "published": 68.02e6, "estimate": 68.02e6}
    last = {"figure": "F0201", "year": "2022", "published": 69.91e6, "estimate": 69.91e6}
    share = {"figure": "F0174", "year": "2019", "indicator": "migrants.internal_share"}
    share |= {"category": "internal", "statistic": "estimate", "unit": "share"}
    net = {"figure": "F0213", "year": "2022", "indicator": "recent_internal.net_rate"}
    net |= {"category": "", "statistic": "estimate", "unit": "percent", "published": -0.09}
    rows += [
        population | rest | first | {"se": 2.0e5, "z": 0.0},
        population | rest | last | {"se": 2.0e5, "z": 0.0},
        share
        | rest
        | {"published": 0.944, "estimate": 0.944, "se": 0.01, "z": 0.0}
        | {"reliability": "derived"},
        net
        | rest
        | {"domain": '{"region":"5"}', "estimate": -0.06, "se": 0.04, "z": 0.75}
        | {"reliability": "edited", "verdict": "match"},
        change | rest | {"estimate": 141800.0, "se": 38000.0, "z": -0.01},
        average | rest | {"published": 0.183, "estimate": 0.1829, "se": 0.004, "z": -0.03},
    ]
    said = {"compare": "value", "printed": "", "printed_unit": "percent"}
    return pd.DataFrame(said | {"statement": "", "fails": ""} | row for row in rows)


SOURCES = [
    {
        "key": "NSO_IOM_EN",
        "kind": "official",
        "title": "Trend analysis",
        "title_th": "การวิเคราะห์แนวโน้ม",
        "publisher": "NSO",
        "publisher_th": "สสช.",
        "url": "https://nso.example/4",
    },
    {
        "key": "PRESS",
        "kind": "press",
        "title": "Moves of the year",
        "title_th": "ข่าวการย้ายถิ่น",
        "publisher": "Daily",
        "publisher_th": "หนังสือพิมพ์รายวัน",
        "url": "https://daily.example",
    },
]
REMARKS = [
    {"figure": "F0174", "en": "627/664", "th": "คำนวณจาก 627/664"},
    {"figure": "F0213", "en": "printed without the minus", "th": "พิมพ์โดยไม่มีเครื่องหมายลบ"},
]


def quality() -> pd.DataFrame:
    """Rates of non-response and of missing answers."""
    rows = []
    domains = ["{}", *(f'{{"region":"{code}"}}' for code in "12345")]
    for year in YEARS:
        for place, domain in enumerate(domains):
            key = {"year": year, "domain": domain, "asked": 9000.0, "flag": ""}
            rate = 0.1 + 0.01 * place
            rows.append({**key, "kind": "households", "item": "", "rate": rate})
            for item, missing in (("birth_province", 0.004), ("sex", 0.0), ("education", 0.02)):
                both = {"rate": missing, "rate_weighted": 1.1 * missing}
                rows.append({**key, "kind": "item", "item": item, **both})
                if domain == "{}" and item == "birth_province":
                    rows.append({**key, "kind": "unknown", "item": item, **both})
    frame = pd.DataFrame(rows)
    secret = frame["item"].eq("education") & frame["domain"].isin(domains[1:3])
    frame.loc[secret, "flag"] = "c"
    frame.loc[secret, ["rate", "rate_weighted"]] = math.nan
    return frame


def build(data_dir: Path) -> Path:
    """Write `released/` under a data root and return the root."""
    released = data_dir / "released"
    released.mkdir(parents=True, exist_ok=True)
    frames = {year: results(year) for year in YEARS}
    for year, frame in frames.items():
        frame.to_parquet(released / f"{year}.parquet", index=False)
        crosscheck(frame).to_parquet(released / f"{year}.crosscheck.parquet", index=False)
        text = json.dumps(summary(year, frame), ensure_ascii=False, indent=1)
        (released / f"{year}.summary.json").write_text(text, encoding="utf-8")
    twins.write(released / "tables", load(PARAMS), frames, synthetic=True)
    trends(frames).to_parquet(released / "trends.parquet", index=False)
    published(frames).to_parquet(released / "published.parquet", index=False)
    pd.DataFrame(SOURCES).to_parquet(released / "published_sources.parquet", index=False)
    pd.DataFrame(REMARKS).to_parquet(released / "published_remarks.parquet", index=False)
    quality().to_parquet(released / "quality.parquet", index=False)
    made = {"steps": {"released": {"time": "2026-07-29T10:00:00+00:00"}}}
    (released / "manifest.json").write_text(json.dumps(made), encoding="utf-8")
    return data_dir


if __name__ == "__main__":
    import sys

    print(build(Path(sys.argv[1])))
