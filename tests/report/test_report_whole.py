"""The whole book, as `make report` makes it from a run: what the tests ask of the small one.

The other tests build a book of invented numbers, without three chapters. Here the results are those
of the pipeline, and all chapters, both editions and three formats stand in it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from test_report_build import (  # noqa: F401
    test_browser_reads_the_pages,
    test_links_lead_somewhere_and_images_have_texts,
    test_pages_lead_to_the_other_edition_and_to_the_data_tables,
    test_pages_say_what_they_should,
    test_pdf_fonts_and_text,
    test_print_collects_the_data_tables,
    test_thai_text_layer_reads_as_written,
    test_word_document,
    test_word_pages_have_contents_notice_number_and_whole_rows,
)
from test_report_lint_pages import test_the_report_breaks_no_rule  # noqa: F401
from test_report_pages import (  # noqa: F401
    test_documents_tell_nothing_of_the_machine,
    test_formulas_in_word_have_paired_brackets,
    test_no_page_scrolls_sideways_and_no_formula_is_cut,
    test_numbers_in_word_tables_fit_their_columns,
    test_pdf_properties_are_clean,
    test_pdf_text_of_formulas_is_whole,
    test_small_tables_stay_whole_and_with_their_notes,
    test_word_breaks_numbers_as_latin_and_slants_both_scripts,
)
from test_report_parity import test_twins_show_the_same_numbers  # noqa: F401
from test_report_print import (  # noqa: F401
    test_pdf_is_tagged_and_knows_its_language,
    test_pdf_lists_its_figures_and_tables,
    test_running_head_names_the_chapter,
    test_the_cover_reads_as_written,
)
from test_report_public_tables import (  # noqa: F401
    test_both_editions_withhold_the_same_cells,
    test_every_data_table_leads_to_its_files,
    test_the_book_holds_no_record,
)
from test_report_reader import (  # noqa: F401
    browser,
    page,
    test_axe_finds_nothing_serious,
    test_other_language_opens_at_the_same_place,
    test_table_and_file_are_one_click_from_every_chart,
)
from test_report_word_fields import (  # noqa: F401
    test_libreoffice_counts_the_same,
    test_numbers_are_fields_and_right_without_an_update,
    test_words_are_whole_for_whoever_searches_them,
)

from lfsmig.report.render import build_report
from tests.report.conftest import copy_project
from tests.shared import made_once

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def released(small_data: Path) -> Path:
    """Data root of a run of the pipeline."""
    return small_data


@pytest.fixture(scope="session")
def built(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a project with the whole book."""

    def make(root: Path) -> None:
        copy_project(root)
        build_report(root, root / "params", small_data, with_="builtin")

    return made_once(tmp_path_factory, "whole-book", make)


def test_nothing_is_left_out(built: Path) -> None:
    for language in ("en", "th"):
        folder = built / "_book" / language
        pages = {path.stem for path in folder.glob("*.html")}
        chapters = {"international", "lifetime", "remittances", "internal", "annual-2019"}
        assert {f"sec-{name}" for name in chapters} <= pages
        assert all((folder / f"report-{language}.{kind}").is_file() for kind in ("docx", "pdf"))
        text = (folder / "sec-lifetime.html").read_text(encoding="utf-8")
        assert text.count("<svg") > 10
