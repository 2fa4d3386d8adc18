"""The publication rules in words: those that were applied, with the limits of `rules.yml`."""

from __future__ import annotations

from typing import Any

from IPython.display import Markdown

from lfsmig import overrules
from lfsmig.errors import ParameterError
from lfsmig.params import Disclosure
from lfsmig.params.source import read_document
from lfsmig.report import data, words
from lfsmig.report.tables import escape, pipe, unknown_limits
from lfsmig.report.working import cell_name

SYMBOLS = ("c", "s", "*", "r", "+")


def rule_set() -> str:
    """Name of the rule set that the released results were made with."""
    return str(data.estimates(data.report_year())["rule_set"].iloc[0])


def tbl_rules() -> Markdown:
    """What each symbol means, one row per symbol that the rule set knows."""
    rows = []
    for symbol in SYMBOLS:
        for name in ("all", rule_set()):
            if symbol in _known("symbols", name):
                key = f"rules.symbols.{name}.{symbol}"
                rows.append([escape(symbol), escape(words.t(key, **_limits()))])
    return Markdown(pipe([words.t("column.flag"), words.t("column.rule")], rows, "ll"))


def tbl_overrules() -> Markdown:
    """Decisions on single cells, and what disclosure control tells of tables; else nothing."""
    log = data.overrules()
    if log.empty:
        return Markdown("")
    rows = []
    for row in data.rows(log):
        decided = escape(row.flag) or words.t("rules.shown")
        told = row.effect in overrules.REMARKS
        rows.append(
            [
                words.year(row.year),
                cell_name(row),
                escape(row.flag_rule) or words.DASH,
                f"{decided} ({words.t(f'rules.effect.{row.effect}')})",
                words.t(f"rules.remark.{row.effect}") if told else escape(row.reason),
                words.t("rules.control") if told else escape(row.role),
                escape(row.date) or words.DASH,
            ]
        )
    keys = ("year", "indicator", "flag_rule", "decided", "why", "role", "date")
    head = [words.t(f"column.{key}") for key in keys]
    return Markdown(f"{words.t('rules.overruled')}\n\n{pipe(head, rows, 'llcllll')}")


def rules_text() -> Markdown:
    """Where the rules come from and what they do not judge."""
    name = rule_set()
    return Markdown(words.t(f"rules.text.{name}") if _known("text", name) else "")


@words.inline
def rule_limit(name: str, key: str) -> str:
    """A limit of a rule set for running text: shares in per cent."""
    return _printed(_publication(name).get(key, float("nan")))


@words.inline
def cut_percentile() -> str:
    """Percentile that larger amounts count as in winsorised means, for running text."""
    path = data.params_dir() / "country.yml"
    at = read_document(path, path.name).data.get("winsorise_at")
    return f"{100 * float(at):g}" if at else words.DASH


def _known(part: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = words.catalogue()["rules"][part].get(name, {})
    return found


def _limits() -> dict[str, str]:
    """Limits of the rule set in use and of disclosure control, as printed."""
    defaults = Disclosure.model_validate(_publication("disclosure")).model_dump()
    found = {**defaults, **unknown_limits().model_dump(), **_publication(rule_set())}
    printed = {key: _printed(value) for key, value in found.items()}
    return {**printed, "few": str(found["min_cases"] - 1)}


def _publication(name: str) -> dict[str, Any]:
    rules = data.rules()
    if name not in rules:
        raise ParameterError(
            f"{data.params_dir() / 'rules.yml'}: publication: no `{name}`, by which the released "
            "results were made; run `lfsmig run`"
        )
    found: dict[str, Any] = rules[name]
    return found


def _printed(value: float) -> str:
    """Limits with a decimal point are shares and printed in per cent; the others are counts."""
    return f"{100 * value:g}" if isinstance(value, float) else str(value)
