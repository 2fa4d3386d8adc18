"""From an executed notebook to Markdown for the built-in road.

Labelled cells become the divs that the road's filters number and caption.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from lfsmig.report.source import TOLD, options

HIDDEN_TAGS = {"parameters", "injected-parameters"}


def chapter_markdown(notebook: NotebookNode, figures: Path, prefix: str) -> str:
    """Markdown of a chapter; its images are written to `figures`.

    Parameters
    ----------
    prefix
        Begins the names of images without a label, to keep chapters apart.
    """
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if not HIDDEN_TAGS & set(cell.metadata.get("tags", [])):
                parts.append(_cell(cell, figures, prefix))
        else:
            parts.append(str(cell.source))
    return "\n\n".join(part for part in parts if part.strip())


def _cell(cell: NotebookNode, figures: Path, prefix: str) -> str:
    head, code = options(cell.source)
    if head.get("include") is False:
        return ""
    parts = [f"```python\n{code}\n```"] if head.get("echo") else []
    label = str(head.get("label", ""))
    if head.get("output", True) is not False:
        stem = label or f"{prefix}-{cell['id']}"
        told = " ".join(str(o.get("data", {}).get(TOLD, "")) for o in cell.outputs).strip()
        if told:
            head = {**head, "fig-alt": f"{head.get('fig-alt', '')} {told}".strip()}
        outputs = [_output(o, figures, stem, i) for i, o in enumerate(_shown(cell.outputs))]
        body = "\n\n".join(part for part in outputs if part)
        parts.append(_labelled(body, label, head) if body and label else body)
    return "\n\n".join(part for part in parts if part)


def _shown(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Outputs that a reader sees: what a chart tells belongs to the chart."""
    return [output for output in outputs if TOLD not in output.get("data", {})]


def _output(output: NotebookNode, figures: Path, stem: str, number: int) -> str:
    if output.output_type == "stream":
        return f"```\n{output.text.rstrip()}\n```"
    found: dict[str, Any] = output.get("data", {})
    if "image/png" in found or "image/svg+xml" in found:
        return _image(found, figures, stem if number == 0 else f"{stem}-{number}")
    if "text/markdown" in found:
        return str(found["text/markdown"])
    if "text/plain" in found:
        return f"```\n{found['text/plain']}\n```"
    return ""


def _image(found: dict[str, Any], figures: Path, stem: str) -> str:
    figures.mkdir(parents=True, exist_ok=True)
    kind = "png"
    if "image/png" in found:
        (figures / f"{stem}.png").write_bytes(base64.b64decode(found["image/png"]))
    if "image/svg+xml" in found:
        kind = "svg"
        text = re.sub(r"\s*<metadata>.*?</metadata>", "", found["image/svg+xml"], flags=re.S)
        (figures / f"{stem}.svg").write_text(text, encoding="utf-8")
    return f"![]({figures.name}/{stem}.{kind})"


def _labelled(body: str, label: str, head: dict[str, Any]) -> str:
    caption = head.get(f"{label[:3]}-cap", "")
    alt = str(head.get("fig-alt", "")).replace('"', "&quot;")
    marks = f'#{label} fig-alt="{alt}"' if label.startswith("fig-") else f"#{label}"
    return f"::::: {{{marks}}}\n{body}\n\n:::: {{.caption}}\n{caption}\n::::\n:::::"
