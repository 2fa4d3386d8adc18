"""What a comparison of two years came to: one finding each, worded in `words.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lfsmig.newyear.suggest import Suggestion
from lfsmig.yamltext import plain

Level = Literal["note", "change", "question"]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was.

    Attributes
    ----------
    kind
        Key of `kinds` in words.yml.
    subject
        Column, variable, file or count that it is about.
    level
        `note` for what is settled by itself, `change` for what is worth a look, `question` for what
        a person must decide.
    values
        What the words are filled with, ready for JSON; no value of a person, no small count.
    suggestions
        Columns that may be meant, with score and evidence.
    """

    kind: str
    subject: str
    level: Level
    values: dict[str, Any] = field(default_factory=dict)
    suggestions: list[Suggestion] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.kind}.{self.subject}"

    def text(self, language: str, era: int = 0) -> str:
        """Say it in a language; `era` is added to years."""
        return self._say("text", language, era)

    def decide(self, language: str, era: int = 0) -> str:
        """Say how it is decided."""
        return self._say("decide", language, era)

    def evidence(self, language: str) -> list[str]:
        """Write the suggestions, each with its score and what it rests on."""
        words = catalogue()["evidence"]
        lines = []
        for one in self.suggestions:
            parts = [f"{words[kind][language]} {value:.2f}" for kind, value in one.evidence.items()]
            start = words["score"][language].format(column=one.column, score=f"{one.score:.2f}")
            lines.append(f"{start} ({', '.join(parts)})")
        for one in self.values.get("write", []):
            why = words[one["why"]][language].format(alike=f"{one.get('alike', 0):.2f}")
            lines.append(f"{one['text']} ({why})")
        return lines

    def _say(self, key: str, language: str, era: int) -> str:
        text = str(catalogue()["kinds"][self.kind].get(key, {}).get(language, ""))
        said = text.format(subject=self.subject, **_shown(self.values, language, era)).strip()
        if key == "text" and "answer" in self.values:
            said += catalogue()["answered"][language].format(answer=self.values["answer"])
        return said

    def document(self, eras: Mapping[str, int]) -> dict[str, Any]:
        """Give it as JSON keeps it, in every language of `eras` with what it adds to years."""
        return {
            "id": self.id,
            "kind": self.kind,
            "subject": self.subject,
            "level": self.level,
            "text": {language: self.text(language, era) for language, era in eras.items()},
            "decide": {language: self.decide(language, era) for language, era in eras.items()},
            "evidence": {language: self.evidence(language) for language in eras},
            "values": self.values,
            "suggestions": [
                {"column": one.column, "score": one.score, "evidence": one.evidence}
                for one in self.suggestions
            ],
        }


def _shown(values: Mapping[str, Any], language: str, era: int) -> dict[str, str]:
    hidden, terms = catalogue()["few"][language], catalogue()["terms"]
    out = {}
    for key, value in values.items():
        if key in ("before", "year"):
            out[key] = str(value + era)
        elif value is None:
            out[key] = hidden
        elif isinstance(value, dict) and language in value:
            # Text in every language, such as the label of a break.
            out[key] = value[language]
        elif isinstance(value, dict):
            out[key] = ", ".join(f"{k}: {hidden if v is None else v}" for k, v in value.items())
        elif isinstance(value, list):
            out[key] = ", ".join(map(str, value))
        elif isinstance(value, float):
            out[key] = f"{value:,.4g}"
        elif isinstance(value, int):
            out[key] = f"{value:,}"
        else:
            out[key] = terms.get(value, {}).get(language, str(value))
    return out


@cache
def catalogue() -> dict[str, Any]:
    """All words of the drift report."""
    text = (Path(__file__).parent / "words.yml").read_text(encoding="utf-8")
    words: dict[str, Any] = plain(text)
    return words
