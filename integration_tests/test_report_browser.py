"""The report in a browser: it opens by itself, and its decoder draws PyTorch's pictures.

Without a Chromium these tests are skipped, where a skip is else a failure, too: a browser is no
part of what the project needs. `apt-get install chromium` has one.
"""

import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import unweave
from unweave.report import write_report

sys.path.insert(0, str(Path(__file__).parent))
from chromium import Chromium, find_chromium

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="there is no Chromium; apt-get install chromium has one"
)
HOSTILE = "</script><img src=x onerror=window.hit=1>"
SMALL = {"steps": 3, "batch_size": 16, "log_every": 1, "device": "cpu", "prior": "normal"}
PICTURE = """(() => {
  const canvas = document.getElementById("explorer-picture");
  const {width, height} = canvas;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  return [width, height, Array.from(data)];
})()"""

# As many products as the decoder of conv64 has, one after the other.
PLAIN_LOOP = """(() => {
  const a = new Float32Array(4096).fill(0.5), b = new Float32Array(4096).fill(0.25);
  const start = performance.now();
  let sum = 0;
  for (let n = 0; n < 8e6; n++) sum += a[n & 4095] * b[(n * 7) & 4095];
  return sum > 0 ? performance.now() - start : 0;
})()"""


def blobs(side, colours=1, count=120):
    """Bright discs, with row and column as factors."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 4, (count, 2))
    rows, columns = np.mgrid[:side, :side]
    grid = np.stack([rows, columns], axis=-1)
    distance = np.linalg.norm(grid - (classes[:, None, None] + 1) * side / 6, axis=-1)
    images = (255 / (1 + np.exp(distance - side / 8))).astype(np.uint8)
    return np.repeat(images[..., None], colours, axis=3), classes


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=2), nn.BatchNorm2d(channels),
            nn.LeakyReLU(0.1, inplace=True), nn.GroupNorm(2, channels),
        )  # fmt: skip

    def forward(self, x):
        return nn.functional.gelu(self.body(x) + 0.5 * x)


def many_operations():
    """A decoder of 16 x 16 x 3 with every operation of the page."""
    decoder = nn.Sequential(
        nn.Linear(6, 32), nn.LayerNorm(32), nn.SiLU(), nn.Unflatten(1, (8, 2, 2)), Residual(8),
        nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1, groups=2), nn.ELU(), nn.PReLU(8),
        nn.Conv2d(8, 16, 3, padding="same", dilation=2), nn.PixelShuffle(2), nn.Softplus(),
        nn.Upsample(scale_factor=1.5, mode="bilinear"), nn.InstanceNorm2d(4), nn.Hardswish(),
        nn.ZeroPad2d((1, 1, 2, 0)), nn.Upsample((16, 16)), nn.Dropout(), nn.Tanh(),
        nn.Conv2d(4, 3, 1),
    )  # fmt: skip
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16 * 16 * 3, 12))
    return encoder, decoder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of conv64 at its own size."""
    out = tmp_path_factory.mktemp("conv64") / "run"
    return unweave.train("vae", data=blobs(64), dim=10, out=out, **SMALL)


@pytest.fixture(scope="module")
def browser():
    with Chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(run):
    return run.report()


@pytest.fixture
def page(report, browser):
    browser.messages.clear()
    browser.requests.clear()
    browser.open(report, "document.querySelector('#explorer.is-live')")
    return browser


def move(browser, code):
    """Move every slider, and return the code that the page then has."""
    values = json.dumps([float(v) for v in code])
    return browser.run(f"""(async () => {{
      const code = {values};
      for (const input of document.querySelectorAll("[data-dimension]")) {{
        input.value = code[input.dataset.dimension];
        input.dispatchEvent(new Event("input"));
        code[input.dataset.dimension] = Number(input.value);
      }}
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      return code;
    }})()""")


def largest_difference(browser, run, codes):
    """Compare the page's pictures with PyTorch's, in 255ths."""
    largest = 0
    for code in codes:
        moved = move(browser, code)
        width, height, data = browser.run(PICTURE)
        pixels = np.array(data).reshape(height, width, 4)[..., : run.facts.image_shape[2]]
        expected = run.decode(np.array([moved], np.float32))[0]
        assert expected.std() > 0
        largest = max(largest, abs(pixels - expected.astype(int)).max())
    return largest


def codes_of(run, count=6):
    return np.random.default_rng(0).standard_normal((count, run.config.dim))


def test_the_page_loads_nothing_and_says_nothing(page, run):
    assert [url for url in page.requests if not url.startswith("data:")] == [
        run.report_path.resolve().as_uri()
    ]
    assert page.messages == []
    live = page.run("[...document.querySelectorAll('section.is-live')].map((s) => s.id)")
    assert set(live) == {"explorer", "traversals", "codes", "histograms", "training"} | (
        {"matrix"} if run.scores.keys() & {"mig"} else set()
    )


def test_the_pages_pictures_are_pytorchs(page, run):
    assert largest_difference(page, run, codes_of(run)) <= 1
    assert float(page.run("document.getElementById('explorer-speed').dataset.checked")) <= 1 / 255


def test_a_decoder_of_many_operations(tmp_path, browser):
    run = unweave.train(
        "vae", data=blobs(16, 3), architecture=many_operations(), dim=6, out=tmp_path / "run",
        **SMALL,
    )  # fmt: skip
    browser.open(run.report(), "document.querySelector('#explorer.is-live')")
    assert browser.run("document.getElementById('explorer-fallback')") is None
    assert largest_difference(browser, run, codes_of(run)) <= 1


def test_conv64_is_drawn_nearly_as_fast_as_a_plain_loop_multiplies(page, run):
    """Fifteen pictures a second are 67 ms for each; the loop takes about ten where that holds."""
    times, loops = [], []
    for code in codes_of(run, 30):
        move(page, code)
        text = page.run("document.getElementById('explorer-speed').textContent")
        match = re.search(r"([\d.]+) ms", text)
        assert match is not None, text
        times.append(float(match.group(1)))
        loops.append(page.run(PLAIN_LOOP))
    # The median of the last 25 pictures; the least of it is what the machine can do.
    assert min(times) < 6 * min(loops), (min(times), min(loops))


def test_sample_and_interpolate(page):
    before = page.run(PICTURE)
    page.run("document.getElementById('explorer-sample').click()")
    page.wait(f"JSON.stringify({PICTURE}) !== {json.dumps(json.dumps(before))}".replace(", ", ","))
    page.run("document.getElementById('explorer-blend').click()")
    page.run("document.querySelectorAll('.starts .thumb')[3].click()")
    value = "document.querySelector('.blend input').value"
    page.wait(f"Number({value}) > 0.1")
    page.run("document.getElementById('explorer-tour').click()")
    page.wait("document.querySelector('.slider.touring')")
    assert page.messages == []


def test_controls_of_every_part_work(page):
    page.run("""(() => {
      for (const select of document.querySelectorAll("select")) {
        for (const option of select.options) {
          select.value = option.value;
          select.dispatchEvent(new Event("change"));
        }
      }
      for (const box of document.querySelectorAll("input[type=checkbox]")) box.click();
      document.querySelector(".theme").click();
      document.querySelector(".histogram svg").dispatchEvent(
        new PointerEvent("pointermove", {clientX: 5, clientY: 5}));
    })()""")
    # A box that was ticked, because no dimension is active, is unticked now.
    none = "document.querySelector('.traversals .note')"
    page.wait(f"document.querySelectorAll('.traversal').length > 1 || {none}")
    assert page.run("document.documentElement.dataset.theme") in ("light", "dark")
    assert "density" in page.run("document.querySelector('.tooltip').textContent")
    assert page.messages == []


def test_of_a_collapsed_run_all_dimensions_are_shown_until_they_are_unticked(tmp_path, browser):
    run = unweave.train("vae", data=blobs(16), dim=3, out=tmp_path / "run", **SMALL)
    last = [m for m in run.model.encoder.modules() if isinstance(m, nn.Linear)][-1]
    last.weight.data[:3] *= 1e-6
    browser.open(run.report(), "document.querySelector('#traversals.is-live')")
    box = "document.querySelector('#traversals .check input')"
    rows = "document.querySelectorAll('.traversal .kl').length"
    assert [browser.run(f"{box}.checked"), browser.run(rows)] == [True, 3]
    browser.run(f"{box}.click()")
    assert browser.run(rows) == 0
    assert "No dimension is active" in browser.run(
        "document.querySelector('.traversals .note').textContent"
    )


def test_an_embedding_is_what_the_scatter_begins_with(run, browser):
    browser.open(write_report(run, embed="tsne"), "document.querySelector('#codes.is-live')")
    view = "document.querySelector('#codes select')"
    assert browser.run(f"{view}.selectedOptions[0].textContent") == "t-SNE"
    assert browser.run("document.querySelectorAll('#codes .toolbar > [hidden]').length") == 4
    browser.run(f"{view}.value = 'codes'; {view}.dispatchEvent(new Event('change'))")
    assert browser.run("document.querySelectorAll('#codes .toolbar > [hidden]').length") == 0


def test_scripts_from_elsewhere_do_not_run(run, browser):
    data = run.whole_dataset
    names = data.factor_names
    data.factor_names = (HOSTILE, *names[1:])
    run.__dict__.pop("dataset", None)
    try:
        browser.open(run.report(), "document.querySelector('#explorer.is-live')")
    finally:
        data.factor_names = names
        run.__dict__.pop("dataset", None)
    assert browser.run("document.body.textContent.includes('onerror=window.hit=1')")
    # Even what were to get in does not run: the policy forbids it.
    browser.run("""document.body.insertAdjacentHTML("beforeend",
      "<img src=x onerror='window.hit = 1'><a href='javascript:window.hit = 1' id=bad>x</a>")""")
    browser.run("document.getElementById('bad').click()")
    browser.run("new Promise((done) => setTimeout(done, 300))")
    assert browser.run("window.hit === undefined")


def test_without_scripts_the_pictures_are_there(report):
    with Chromium() as plain:
        plain.set("Emulation.setScriptExecutionDisabled", value=True)
        plain.set("Page.navigate", url=report.resolve().as_uri())
        while not heights(plain, "footer"):
            time.sleep(0.1)
        assert not heights(plain, "section.is-live")
        pictures = heights(plain, "img")
        assert len(pictures) >= 6
        assert min(pictures) > 20
        assert min(heights(plain, "noscript p")) > 0


def heights(browser, selector):
    """Return the heights of elements without running a script; 0 of what is not laid out."""
    root = browser.set("DOM.getDocument")["root"]["nodeId"]
    try:
        nodes = browser.set("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"]
    except RuntimeError:  # the document was another one by then
        return []
    boxes = []
    for node in nodes:
        try:
            boxes.append(browser.set("DOM.getBoxModel", nodeId=node)["model"]["height"])
        except RuntimeError:
            boxes.append(0)
    return boxes
