"""Word counts its figures and tables itself: fields that hold what they show."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from test_report_build import LANGUAGES, pdf_text

LABELS = {"en": ("Figure", "Table"), "th": ("รูปที่", "ตารางที่")}
KINDS = ("Figure", "Table")  # the counters' names, in both editions
CAPTION = re.compile(
    r'<w:bookmarkStart w:id="\d+" w:name="(?P<place>_\w+)"/>(?P<inside>(?:(?!<w:bookmarkEnd).)*?'
    r'w:instr=" SEQ (?P<kind>\w+) \\\* ARABIC(?P<anew> \\r 1)? ".*?)<w:bookmarkEnd',
    re.S,
)
REFERENCE = re.compile(r'<w:fldSimple w:instr=" REF (\w+) \\h ">(.*?)</w:fldSimple>', re.S)


def body_of(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read("word/document.xml").decode("utf-8")


def text_of(xml: str) -> str:
    text = "".join(re.findall(r"<w:t\b[^>]*>([^<]*)</w:t>", xml))
    return html.unescape(text).replace("\u00a0", " ")


def list_of(body: str, kind: str) -> list[tuple[str, str]]:
    """Places and texts in the list that Word would make of a counter."""
    found = re.search(rf'TOC \\h \\z \\c "{kind}" .*?w:fldCharType="end"', body, re.S)
    assert found is not None
    entries = re.findall(r'<w:hyperlink w:anchor="(\w+)">(.*?)</w:hyperlink>', found[0], re.S)
    return [(place, text_of(xml)) for place, xml in entries]


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_are_fields_and_right_without_an_update(built: Path, language: str) -> None:
    """Red before: numbers, references and no lists were plain text that a new figure made wrong."""
    body = body_of(built / f"_book/{language}/report-{language}.docx")
    counts = dict.fromkeys(KINDS, 0)
    places: dict[str, str] = {}
    for found in CAPTION.finditer(body):
        kind = found["kind"]
        counts[kind] = 1 if found["anew"] else counts[kind] + 1
        label = text_of(found["inside"])
        name = dict(zip(KINDS, LABELS[language], strict=True))[kind]
        assert re.fullmatch(rf"{name} (?:\d+\.)?{counts[kind]}", label), label
        assert found["place"] not in places
        places[found["place"]] = label
    assert len(set(places.values())) == len(places) > 20
    references = REFERENCE.findall(body)
    assert len(references) > 5
    for place, shown in references:
        assert text_of(shown) == places[place]
    for kind, label in zip(KINDS, LABELS[language], strict=True):
        listed = list_of(body, kind)
        mine = {place: text for place, text in places.items() if text.startswith(label)}
        assert [place for place, _ in listed] == list(mine)
        for place, text in listed:
            assert text.startswith(f"{mine[place]} ")
            assert len(text) > len(mine[place]) + 10
    # No caption is left that Word does not count.
    captions = re.findall(
        r'<w:p><w:pPr>(?:<w:keepNext />)?<w:pStyle w:val="(?:Image|Table)Caption" />.*?</w:p>',
        body,
        re.S,
    )
    assert captions
    assert all(" SEQ " in caption for caption in captions)


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_whole_for_whoever_searches_them(built: Path, language: str) -> None:
    """Red before: 7,782 joiners inside Thai words, so that Word found no ร้อยละ."""
    body = body_of(built / f"_book/{language}/report-{language}.docx")
    said = "".join(re.findall(r"<w:t\b[^>]*>([^<]*)</w:t>", body))
    assert not re.findall("[\u200b-\u200d\u2060\ufeff\u00ad]", said)
    if language == "th":
        assert said.count("ร้อยละ") > 20
        # A number stays with its word.
        assert re.search("ร้อยละ\u00a0\\d", said)
        assert not re.search(r"ร้อยละ \d", said)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_libreoffice_counts_the_same(built: Path, tmp_path: Path, language: str) -> None:
    """Red with Word's own way of beginning anew at a heading, which LibreOffice does not follow."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed")
    source = built / f"_book/{language}/report-{language}.docx"
    command = [program, f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless"]
    command += ["--convert-to", "pdf", "--outdir", str(tmp_path), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=500)
    text = pdf_text(tmp_path / f"report-{language}.pdf").replace("\u00a0", " ")
    body = body_of(source)
    for kind, label in zip(KINDS, LABELS[language], strict=True):
        for _, entry in list_of(body, kind):
            number = entry.split()[1]
            # In its list and at its caption.
            assert len(re.findall(rf"^{label} {re.escape(number)} ", text, re.M)) >= 2, entry
