"""The README can't rot: its pictures are real output, and its commands and its Python run."""

from __future__ import annotations

from pages import ROOT, equip, run

README = ROOT / "README.md"


def test_the_readme_runs_from_top_to_bottom(tmp_path, monkeypatch):
    equip(tmp_path, monkeypatch)
    names = run(README)
    assert names["frame"].height > 0
    assert names["table"].num_rows == 1
    assert names["checked"].account.total.adds_up


def test_every_command_and_exit_code_is_in_the_readme():
    text = README.read_text()
    for name in (
        "report",
        "show",
        "query",
        "sql",
        "check",
        "convert",
        "diff",
        "batch init",
        "batch run",
        "scanners",
        "rdns",
        "schema",
    ):
        assert f"flowlens {name}" in text
    for code in (0, 1, 2, 3, 4, 75, 130):
        assert f"\n| {code} |" in text
