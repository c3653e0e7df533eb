"""The notebooks run from top to bottom in a real kernel, and are stored without outputs."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def codes(book: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in book.cells if cell.cell_type == "code"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where notebooks find what they read, and may leave what they write."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path / "notebooks"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_each_answer_shows_itself(path, place):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in codes(book))
    NotebookClient(
        book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(place)}}
    ).execute()
    outputs = [output for cell in codes(book) for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"execute_result", "stream"}
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"text/html", "image/svg+xml"} <= kinds
    for cell in codes(book):
        assert cell.outputs or "=" in cell.source.splitlines()[-1] or "save(" in cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_uses_the_public_interface_alone(path):
    book = nbformat.read(path, as_version=4)
    for cell in codes(book):
        if cell.source.startswith("%%"):
            continue
        source = "\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                assert not any(name.name.startswith("flowlens.") for name in node.names)
            if isinstance(node, ast.ImportFrom):
                assert "flowlens" not in (node.module or "")
            if isinstance(node, ast.Attribute):
                assert not node.attr.startswith("_")


def test_each_notebook_is_told_of_in_the_guide():
    told = (ROOT / "docs/notebooks.md").read_text()
    assert len(NOTEBOOKS) == 5
    for path in NOTEBOOKS:
        assert f"notebooks/{path.name}" in told
