"""The pages of an edition; after a change, those that it reaches and no others.

An author who changes a chapter waits for its page alone. Pandoc is then given that chapter in full
and of the others what numbers and links need (`parts.outline`), and the page takes its place among
the others of the last build. Pages that collect from all chapters are made each time. What a label
is called is noted: where that changes, the chapters that name it are made again too. Where the list
of chapters or anything that all pages share changes, all pages are made anew. The pages are the
same either way, byte by byte.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lfsmig.atomic import write_json
from lfsmig.errors import ChapterError
from lfsmig.manifest import text_hash
from lfsmig.report import execution, pages, search
from lfsmig.report.fonts import page_fonts
from lfsmig.report.pandoc import pandoc
from lfsmig.report.parts import Block, Part, identifiers, outline, write_book

EXTENSION = Path("_extensions/lfsmig/builtin")
LABELS = "labels.txt"
# Divs that pandoc or our filters fill with something from every chapter.
COLLECTING = {"data-appendix", "refs"}


def build(root: Path, work: Path, out: Path, common: Sequence[str], parts: Sequence[Part]) -> None:
    """Make or mend the pages in `work/site` and copy them to `out`.

    Parameters
    ----------
    root
        Folder of the project.
    work
        Work folder of the edition.
    common
        Options of pandoc that all formats share, without the document to read.
    parts
        The chapters in their order.
    """
    site, note = work / "site", work / "site.json"
    before = execution.read_record(note)
    # Pages are changed in place: until that is done, nothing is known of them.
    note.unlink(missing_ok=True)
    shared = _shared_key(root, work, common)
    keys = {part.name: part.key for part in parts}
    contents = {part.name: part.blocks() for part in parts}
    changed = _changed(site, before, shared, keys, contents)
    made = _some(root, work, common, parts, contents, changed, before) if changed else None
    if changed is None or (changed and made is None):
        made = _all(root, work, common, contents)
    top, labels, new = made or (before["top"], before["labels"], set())
    letters = _finish(root, site, new, before.get("letters", "") if changed is not None else "")
    record = {"shared": shared, "keys": keys, "top": top, "labels": labels, "letters": letters}
    write_json(note, {**record, "order": list(keys)})
    shutil.copytree(site, out, dirs_exist_ok=True)


Made = tuple[list[Any], dict[str, str], set[str]]


def _shared_key(root: Path, work: Path, common: Sequence[str]) -> str:
    """Hash of what every page is made from: words, filters, styles, references, this package."""
    files = [path for path in (root / "_extensions").rglob("*") if path.is_file()]
    files += [work / "metadata.yml", *work.glob("*.bib")]
    code = execution.hash_files(execution.code_files(), execution.PACKAGE)
    # A project that was moved is the same project.
    options = [option.replace(str(root), "") for option in common]
    return "-".join([execution.hash_files(files, root), code, text_hash({"options": options})])


def _changed(
    site: Path,
    before: dict[str, Any],
    shared: str,
    keys: dict[str, str],
    contents: dict[str, list[Block]],
) -> set[str] | None:
    """Chapters whose pages must be made again; None for all."""
    if before.get("shared") != shared or before.get("order") != list(keys):
        return None
    paged = {name: _pages(blocks) for name, blocks in contents.items()}
    if not all(paged.values()):
        return None
    home = before["top"][0][0]
    names = {"index.html" if page == home else page for every in paged.values() for page in every}
    if not all((site / name).is_file() for name in names):
        return None
    changed = {name for name, key in keys.items() if before["keys"].get(name) != key}
    if not changed:
        return changed
    return changed | {n for n, blocks in contents.items() if COLLECTING & {*identifiers(blocks)}}


def _pages(blocks: Sequence[Block]) -> list[str]:
    """Names of a chapter's pages; none where it does not begin with a heading of its own."""
    if not blocks or blocks[0]["t"] != "Header" or blocks[0]["c"][0] != 1:
        return []
    heads = [block["c"] for block in blocks if block["t"] == "Header" and block["c"][0] == 1]
    return [f"{head[1][0]}.html" for head in heads]


def _all(root: Path, work: Path, common: Sequence[str], contents: dict[str, list[Block]]) -> Made:
    """Make all pages anew."""
    site = work / "site"
    sitemap, labels = _run(root, work, common, contents, site)
    pages.finish(site, sitemap)
    return _top(sitemap), labels, {page.name for page in site.glob("*.html")}


def _some(
    root: Path,
    work: Path,
    common: Sequence[str],
    parts: Sequence[Part],
    contents: dict[str, list[Block]],
    changed: set[str],
    before: dict[str, Any],
) -> Made | None:
    """Make the pages of some chapters again; None where that is not enough."""
    site, fresh = work / "site", work / "pages"
    while True:
        given = {n: b if n in changed else outline(b) for n, b in contents.items()}
        try:
            sitemap, labels = _run(root, work, common, given, fresh)
        except ChapterError:
            # An error of the chapters comes again with all of them; one of outlines does not.
            return None
        if _top(sitemap) != before["top"]:
            return None
        renamed = {label for label, _ in set(labels.items()) ^ set(before["labels"].items())}
        texts = ((part.name, part.text()) for part in parts if part.name not in changed)
        more = {name for name, text in texts if any(label in text for label in renamed)}
        if not more:
            break
        changed |= more
    home = _top(sitemap)[0][0]
    names = {page for name in changed for page in _pages(contents[name])}
    wanted = {"index.html" if name == home else name for name in names}
    pages.finish(fresh, sitemap, wanted)
    for name in wanted:
        (fresh / name).replace(site / name)
    shutil.rmtree(fresh)
    return _top(sitemap), labels, wanted


def _run(
    root: Path,
    work: Path,
    common: Sequence[str],
    contents: dict[str, list[Block]],
    target: Path,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Have pandoc make pages; return its list of them, and what each label is called."""
    shutil.rmtree(target, ignore_errors=True)
    book = work / f"{target.name}.book.json"
    write_book(book, list(contents.values()))
    options = ["-t", "chunkedhtml", "--template", str(root / EXTENSION / "page.html")]
    options += ["--split-level=1", "--chunk-template=%i.html", "--mathml", "--css", "book.css"]
    options += ["--no-highlight", "--toc", "-M", f"labels-file={LABELS}", "-o", target.name]
    pandoc(work, [book.name, *common, *options])
    sitemap = json.loads((target / "sitemap.json").read_text(encoding="utf-8"))
    (target / "sitemap.json").unlink()
    lines = (work / LABELS).read_text(encoding="utf-8").splitlines()
    return sitemap, dict(line.split("\t", 1) for line in lines)


def _top(sitemap: dict[str, Any]) -> list[list[str]]:
    """Pages with their numbers and titles: what the contents and the ways on say."""
    found = (page["section"] for page in sitemap["subsections"])
    return [[one["path"].split("#")[0], one.get("number") or "", one["title"]] for one in found]


def _finish(root: Path, site: Path, new: Iterable[str], letters: str) -> str:
    """Bring index, styles and fonts in line with the pages; return the letters they have."""
    search.write_index(site, set(new))
    for name in ("book.css", "book.js"):
        shutil.copyfile(root / EXTENSION / name, site / name)
    # The charts stand in the pages.
    shutil.rmtree(site / "figures", ignore_errors=True)
    said: set[str] = set()
    for path in site.glob("*.html"):
        said.update(path.read_text(encoding="utf-8"))
    now = "".join(sorted(said))
    if now != letters or not (site / "fonts").is_dir():
        page_fonts(root / "assets" / "fonts", site / "fonts", now)
    return now
