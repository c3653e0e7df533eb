"""The public API has types that a user's own checker sees: the package ships `py.typed`."""

from importlib.resources import files
from pathlib import Path

from mypy import api

SAMPLE = Path(__file__).parent / "typed" / "public.py"


def test_the_package_says_that_it_has_types():
    assert files("flowlens").joinpath("py.typed").is_file()


def test_a_users_program_is_checked_with_the_types_it_was_promised(tmp_path):
    said, complaints, status = api.run(
        ["--strict", "--config-file", "", "--cache-dir", str(tmp_path), str(SAMPLE)]
    )
    assert (complaints, status) == ("", 0), said


def test_a_wrong_use_is_seen(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import flowlens as fl\n\nfl.read(2026)\n")
    said, _, status = api.run(
        ["--strict", "--config-file", "", "--cache-dir", str(tmp_path), str(wrong)]
    )
    assert status == 1
    assert "[arg-type]" in said
