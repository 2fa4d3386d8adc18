"""Survey years as people write them."""

from pathlib import Path

import pytest

from lfsmig import cli
from lfsmig.errors import LfsmigError
from lfsmig.years import common_era, one_year, parse_years


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("2019", [2019]),
        ("2566", [2023]),
        ("2019-2021,2023", [2019, 2020, 2021, 2023]),
        ("2562-2564, 2019", [2019, 2020, 2021]),
        ("2024,2019,2024", [2019, 2024]),
    ],
)
def test_both_eras_ranges_and_duplicates(text: str, years: list[int]) -> None:
    assert parse_years(text) == years


@pytest.mark.parametrize("text", ["", "20x9", "2019-", "2021-2019", "66", "2019;2020"])
def test_refuses_what_is_no_year(text: str) -> None:
    with pytest.raises(LfsmigError, match="--years"):
        parse_years(text)


def test_the_last_year_of_the_common_era_side() -> None:
    assert common_era(2400) == 2400
    assert common_era(2401) == 1858


@pytest.mark.parametrize("text", ["202³", "20x3", "0000", "02023", "", "①②③④", "-202"])
def test_a_year_is_four_digits(text: str) -> None:
    with pytest.raises(LfsmigError, match="is not a year"):
        one_year(text)


def test_a_single_year_in_either_era_and_script() -> None:
    assert [one_year(text) for text in ("2023", "2566", "๒๕๖๖")] == [2023] * 3


def test_years_given_twice_are_all_meant(in_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last alone would have dropped 1900, and the run begun."""
    assert cli.call(["run", "--years", "1900", "--years", "2022"]) == 2
    assert "there is no mapping for 1900" in capsys.readouterr().err
