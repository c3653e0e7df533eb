"""Draws the pictures of the README and of the guide from shipped data, into docs/pictures.

    python docs/pictures.py

It takes Chromium, which the tests use as well, and the notebooks' own kernel.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import flowlens as fl

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs/pictures"
DEMO = "fixtures/demo"
COLOURS = 128


def keep(image: bytes, name: str, *, rows: tuple[float, float] | None = None) -> None:
    """Write a picture, or these rows of it, with few colours: enough for text and bars."""
    drawn = Image.open(io.BytesIO(image)).convert("RGB")
    if rows is not None:
        drawn = drawn.crop((0, int(rows[0]), drawn.width, int(rows[1])))
    drawn.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURES / name, optimize=True)


def charts() -> None:
    """Charts of the demo's answers."""
    flows = fl.read(DEMO)
    scanners = flows.scanners()
    keep(flows.query("timeline", bucket_seconds=60).chart().png(), "timeline.png")
    keep(flows.query("rejected_by_eni_port").chart().png(), "tiles.png")
    keep(flows.show("203.0.113.77").chart().png(), "probes.png")
    keep(scanners.explain("203.0.113.77").chart().png(), "walk.png")
    keep(scanners.chart().png(), "shapes.png")


def notebook(page: Page, place: Path) -> None:
    """What the first notebook tells of what happened, as it looks when it has run."""
    (place / "fixtures").symlink_to(ROOT / "fixtures")
    (place / "notebooks").mkdir()
    book = nbformat.read(ROOT / "notebooks/1_first_look.ipynb", as_version=4)
    where = {"metadata": {"path": str(place / "notebooks")}}
    NotebookClient(book, kernel_name="python3", resources=where).execute()
    exporter = HTMLExporter()
    exporter.embed_images = True
    text, _ = exporter.from_notebook_node(book)
    (place / "notebook.html").write_text(text)
    page.goto((place / "notebook.html").as_uri(), wait_until="domcontentloaded")
    page.wait_for_timeout(500)
    first = page.get_by_role("heading", name="What happened?").bounding_box()
    last = page.locator(".flowlens h4", has_text="Rejected by port").first.bounding_box()
    assert first is not None
    assert last is not None
    rows = (first["y"] - 16, last["y"] - 6)
    keep(page.screenshot(full_page=True), "notebook.png", rows=rows)


def report(page: Page, place: Path) -> None:
    """The report's page, down to its first charts."""
    fl.read(DEMO).report(rows=100).save(place / "report.html")
    page.goto((place / "report.html").as_uri())
    for name in ("times", "tiles"):
        page.locator(f"#figure-{name}").scroll_into_view_if_needed()
        page.locator(f"#figure-{name} .live svg").wait_for()
    page.evaluate("window.scrollTo(0, 0)")
    box = page.locator("#figure-tiles").bounding_box()
    assert box is not None
    keep(page.screenshot(full_page=True), "report.png", rows=(0, box["y"] + box["height"]))


def main() -> None:
    """Draw all of them."""
    os.chdir(ROOT)  # the pictures name what they show as a reader would
    PICTURES.mkdir(exist_ok=True)
    charts()
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-gpu"]
        )
        context = running.new_context(viewport={"width": 1100, "height": 900}, offline=True)
        report(context.new_page(), Path(place))
        notebook(context.new_page(), Path(place))
        running.close()


if __name__ == "__main__":
    main()
