"""The report's page: what it carries, what it may load, and what it says."""

import base64
import hashlib
import html.parser
import json
import re

import numpy as np
import pytest
import toy

import unweave
from unweave.errors import ConfigError, UnknownNameError
from unweave.evaluate import evaluate
from unweave.report import write_comparison, write_figures, write_report

HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def run(tmp_path, settings):
    return unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """Where a run with a report is, once a test has made it."""
    return tmp_path_factory.mktemp("kept") / "run"


@pytest.fixture
def reported(run_folder, settings):
    """A run that has its report, for tests that change nothing of it."""
    if not run_folder.exists():
        unweave.train("toy-vae", out=run_folder, device="cpu", **settings).report()
    return unweave.Run.open(run_folder, device="cpu")


class Page(html.parser.HTMLParser):
    """The elements of a page, and what its scripts and styles hold."""

    def __init__(self, path):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self._open = ""
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data):
        if self._open in self.texts and data.strip():
            self.texts[self._open].append(data)

    def handle_endtag(self, tag):
        self._open = ""

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def policy(self):
        return next(a["content"] for a in self.all("meta") if "http-equiv" in a)

    @property
    def content(self):
        return json.loads(self.texts["script"][0])


def hash_of(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_report_is_one_page_that_loads_nothing(reported):
    page = Page(reported.report_path)
    links = [v for _, a in page.elements for k, v in a.items() if k in ("src", "href")]
    assert all((link or "").startswith(("data:image/png;base64,", "#")) for link in links)
    assert not re.search(r"@import|url\(", "".join(page.texts["style"]))
    for image in page.all("img"):
        assert base64.b64decode(image["src"].partition(",")[2]).startswith(b"\x89PNG")
    assert {p.stem for p in reported.figures.glob("*.png")} == {
        "losses", "reconstructions", "samples", "traversals", "codes", "histograms",
    }  # fmt: skip
    assert "toy:toy-vae" in page.text
    assert "20 of 20 steps" in page.text
    assert len(page.text) < 4_000_000


def test_the_policy_allows_the_pages_own_script_and_style_alone(reported):
    page = Page(reported.report_path)
    script, (style,) = page.texts["script"][1], page.texts["style"]
    assert len(page.texts["script"]) == 2
    assert page.policy == (
        f"default-src 'none'; script-src '{hash_of(script)}'; style-src '{hash_of(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not [key for _, a in page.elements for key in a if key == "style" or key[:2] == "on"]
    # A browser would hash another text if it met the end of the script earlier.
    assert "</script" not in script
    assert "<!--" not in script


def test_names_from_elsewhere_are_text_and_nothing_else(run, monkeypatch):
    monkeypatch.setattr(toy.ToyImages, "factor_names", (HOSTILE, "column"))
    run.__dict__.pop("dataset", None)
    run.__dict__.pop("whole_dataset", None)
    matrix = np.ones((4, 2)).tolist()
    (run.path / "scores.json").write_text(
        json.dumps(
            {
                "version": 2, "step": run.step, "rows": 9, "seed": 0,
                "scores": {
                    HOSTILE: {
                        "value": 0.5, "settings": {HOSTILE: HOSTILE}, "reason": HOSTILE,
                        "parts": {"per_factor": [0.1, 0.2], "mutual_information": matrix},
                    }
                },
            }
        )
    )  # fmt: skip
    with run.scalars_path.open("a") as log:
        log.write(json.dumps({"step": 21, "loss": 1.0, HOSTILE: 2.0, "$x^{": 1.0}) + "\n")
    page = Page(run.report())
    assert len(page.all("script")) == 2
    assert all("onerror" not in a and a["src"].startswith("data:") for a in page.all("img"))
    assert page.content["factorNames"] == [HOSTILE, "column"]
    assert HOSTILE in page.content["losses"]["terms"]
    assert HOSTILE not in page.text
    comparison = Page(write_comparison([run, copy_of(run)]))
    assert HOSTILE not in comparison.text
    assert len(comparison.all("script")) == 2


def copy_of(run):
    import shutil

    other = run.path.with_name("other")
    shutil.copytree(run.path, other)
    return unweave.Run.open(other, device="cpu")


def test_the_decoder_travels_with_the_page(reported):
    content = Page(reported.report_path).content
    kinds = [operation["op"] for operation in content["decoder"]["operations"]]
    assert kinds == ["linear", "activation", "linear", "activation"]
    assert content["decoder"]["precision"] == "float16"
    assert content["grid"] is None
    weights = base64.b64decode(content["decoder"]["weights"])
    assert len(weights) == 2 * content["decoder"]["ends"][-1]
    first = np.frombuffer(weights, "<f2")[: 4 * 32].reshape(32, 4)
    expected = reported.model.decoder[0].weight.detach().numpy()
    np.testing.assert_allclose(first, expected, rtol=2**-10, atol=1e-7)


@pytest.mark.usefixtures("sketched")
def test_a_decoder_that_is_too_large_becomes_a_grid_and_is_said(tmp_path, settings):
    settings |= {"architecture": "mlp:widths=1500,1500", "steps": 2}
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    content = Page(run.report()).content
    assert content["decoder"] is None
    assert "weights take 7" in content["reason"]
    grid = content["grid"]
    assert len(grid["values"]) == len(grid["dimensions"])
    assert base64.b64decode(grid["sprite"].partition(",")[2]).startswith(b"\x89PNG")


@pytest.mark.usefixtures("sketched")
def test_the_grid_holds_pytorchs_pictures(tmp_path, settings, monkeypatch):
    from io import BytesIO

    from PIL import Image

    from unweave.report import content as module

    monkeypatch.setattr(module, "DECODER_BYTES", 0)
    monkeypatch.setattr(module, "LEAST_ROOM", 0)
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    content = Page(run.report()).content
    grid = content["grid"]
    sheet = np.asarray(Image.open(BytesIO(base64.b64decode(grid["sprite"].partition(",")[2]))))
    image, k, v = 1, 0, 3
    code = np.array(content["starts"]["codes"][image], np.float32)
    code[grid["dimensions"][k]] = grid["values"][k][v]
    row = image * len(grid["dimensions"]) + k
    tile = sheet[16 * row : 16 * row + 16, 16 * v : 16 * v + 16]
    wanted = run.decode(code[None])[0, ..., 0].astype(int)
    assert abs(tile.astype(int) - wanted).max() <= 1


def test_intervals_and_factors_of_scores_are_shown(run, monkeypatch):
    class Scored(float):
        parts = {"per_factor": np.array([0.25, 0.75])}
        interval = (0.4, 0.625)
        settings = {"bins": 20}

    monkeypatch.setattr(toy, "correlation", lambda codes, factors: Scored(0.5))
    evaluate(run, ("toy-correlation",))
    page = Page(run.report())
    assert "[0.4, 0.625]" in page.text
    assert "<dt>bins</dt><dd>20</dd>" in page.text
    assert [a["width"] for a in page.all("rect")] == ["25.0", "75.0"] * (len(page.all("rect")) // 2)
    assert (run.figures / "factor-scores.png").is_file()


def test_of_vectors_no_pixel_is_spoken(tmp_path, settings):
    settings |= {"data": "toy-vectors", "steps": 4}
    run = unweave.train("toy-vae", cost="gaussian", out=tmp_path / "run", device="cpu", **settings)
    page = Page(run.report())
    body = page.text[page.text.index("<main>") : page.text.index('id="setup"')]
    assert "pixel" not in body
    assert "numbers of a row" in body
    assert page.content["decoder"]["precision"] == "float32"
    assert len(page.content["plane"]["axes"]) == 2


@pytest.mark.usefixtures("sketched")
def test_a_collapsed_model_is_said(run):
    run.report()
    weight = run.model.encoder[-1].weight.data
    for factor, text in ((1e3, ""), (1e-6, "No code dimension is active")):
        weight[:4] *= factor  # the means move much, or hardly; the deviations stay
        run.codes_path.unlink(missing_ok=True)
        said = re.search('<p class="warning" role="note">(.*?):', run.report().read_text())
        assert (said.group(1) if said else "") == text


def test_one_log_point_is_drawn_as_a_point(run):
    from unweave.plots.charts import draw_losses

    (panel, *_) = draw_losses([100.0], {"loss": [2.0], "kl": [float("nan")]}).axes
    (line,) = panel.lines
    assert line.get_marker() == "o"
    assert np.asarray(line.get_xydata())[0].tolist() == [100, 2]


@pytest.mark.parametrize(("kind", "start"), [("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_figures_are_written_for_print(run, kind, start):
    paths = write_figures(run, format=kind)
    assert {path.name for path in paths} >= {f"traversals.{kind}", f"losses.{kind}"}
    for path in paths:
        assert path.read_bytes().startswith(start)
    before = [path.read_bytes() for path in paths]
    if kind == "pdf":  # fonts are embedded as outlines that journals take
        assert b"/Type3" not in b"".join(before)
    assert [path.read_bytes() for path in write_figures(run, format=kind)] == before


def test_an_unknown_format_is_said(run):
    with pytest.raises(UnknownNameError, match="did you mean 'png'"):
        write_figures(run, format="pgn")


@pytest.mark.usefixtures("sketched")
def test_an_embedding_is_carried_or_said_to_be_missing(run, monkeypatch):
    pytest.importorskip("sklearn")
    page = Page(write_report(run, embed="tsne"))
    (embedding,) = page.content["embeddings"]
    assert embedding["name"] == "t-SNE"
    points = np.frombuffer(base64.b64decode(embedding["points"]), "<f2").reshape(2, -1)
    assert points.shape == (2, 128)
    assert np.abs(points).max() == 1
    # Without scripts there is a picture of it.
    assert (run.figures / "embedding.png").is_file()
    assert any(image.get("alt") == "Codes by t-SNE" for image in page.all("img"))
    with pytest.raises(UnknownNameError, match="did you mean 'tsne'"):
        write_report(run, embed="tsnee")
    monkeypatch.setitem(__import__("sys").modules, "umap", None)
    with pytest.raises(ConfigError, match="pip install umap-learn"):
        write_report(run, embed="umap")


def test_runs_are_compared_side_by_side(run, tmp_path, settings):
    settings |= {"seed": 1, "dim": 3}
    other = unweave.train("toy-vae", out=tmp_path / "other", device="cpu", **settings)
    path = write_comparison([run, other])
    assert path == tmp_path / "comparison.html"
    page = Page(path)
    assert [r["title"] for r in page.content["runs"]] == ["run", "other"]
    body = page.text[page.text.index("Settings of training that differ") :]
    assert "<td>seed</td><td>0</td><td>1</td>" in body
    assert "<td>dim</td><td>4</td><td>3</td>" in body
    assert "<td>steps</td>" not in body
    with pytest.raises(ConfigError, match="named twice"):
        write_comparison([run, run])
    with pytest.raises(ConfigError, match="2 to 8 runs, got 1"):
        write_comparison([run])


def warnings_of(path):
    return re.findall('<p class="warning" role="note"><b>(.*?)</b>: (.*?):', path.read_text())


def test_a_comparison_warns_of_every_collapsed_run(run):
    run.model.encoder[-1].weight.data[:4] *= 1e-6  # the means hardly move
    other = copy_of(run)
    other.model.encoder[-1].weight.data[:4] *= 1e3
    run.codes_path.unlink(missing_ok=True)
    assert warnings_of(write_comparison([run, other])) == [("run", "No code dimension is active")]


def test_a_comparison_says_what_was_scored_differently(run):
    """Equal runs with scores of other images differ in nothing that trained them."""
    other = copy_of(run)
    evaluate(run, rows=100)
    evaluate(other, rows=64, seed=3)
    text = write_comparison([run, other]).read_text()
    assert "None: the runs were trained with equal settings." in text
    for said in ("100 images, seed 0", "64 images, seed 3"):
        assert said in text
    body = text[text.index("Scored differently") : text.index("</section>", text.index("Scored"))]
    assert "<td>images drawn</td><td>100</td><td>64</td>" in body
    assert "<td>seed of the draw</td><td>0</td><td>3</td>" in body
    evaluate(other, rows=100)
    assert "Scored differently" not in write_comparison([run, other]).read_text()


def test_settings_of_scores_are_compared_where_both_runs_have_the_score():
    from unweave.report.compare import scored_differently
    from unweave.report.scores import scores_of

    def scores(**presets):
        entries = {k: {"value": 0.5, "settings": {"preset": v}} for k, v in presets.items()}
        return scores_of({"rows": 10, "seed": 0, "scores": entries})

    first = scores(mig="a", sap="a", dci="a")
    assert list(scored_differently([first, scores(mig="b", sap="b")])) == [
        ("mig, sap", "preset", ["a", "b"])
    ]
    assert list(scored_differently([first, first])) == []


def test_scores_of_other_versions_are_told():
    from unweave.report.compare import scored_differently
    from unweave.report.scores import scores_of

    def scores(source):
        return scores_of({"scores": {"mig": {"value": 0.5, "source": source}}})

    assert list(scored_differently([scores("m 1.0"), scores("m 1.1")])) == [
        ("mig", "computed by", ["m 1.0", "m 1.1"])
    ]


def test_intervals_of_other_codes_are_no_difference_of_scores():
    """Each says by how much its resamples moved the score, which two runs never share."""
    from unweave.report.compare import scored_differently
    from unweave.report.scores import scores_of

    def scores(bias):
        settings = {"rows": 10, "interval": {"method": "basic", "bias": bias}}
        entry = {"value": 0.5, "settings": settings}
        return scores_of({"rows": 10, "seed": 0, "scores": {"mig": entry}})

    assert list(scored_differently([scores(0.1), scores(0.2)])) == []


@pytest.mark.parametrize(
    ("values", "wanted"),
    [((37.0, 41.0), (37.0 - 0.4, 41.0 + 0.4)), ((0.1, 0.9), (0.0, 1.0)), ((5.0, 5.0), (4.5, 5.5))],
)
def test_the_line_of_scores_shows_their_differences(values, wanted):
    from unweave.report.compare import _marks as marks
    from unweave.report.scores import ReadScore

    line = marks([ReadScore("error", value) for value in values])
    assert line is not None
    low, high = wanted
    assert (line["low"], line["high"]) == (f"{low:.3g}", f"{high:.3g}")
    for mark, value in zip(line["marks"], values, strict=True):
        assert mark["at"] == pytest.approx(8 + 184 * (value - low) / (high - low), abs=0.1)


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path):
    from unweave.report.compare import run_labels

    paths = [tmp_path / "a" / "run", tmp_path / "b" / "run"]
    assert run_labels(paths) == ["a/run", "b/run"]


@pytest.mark.usefixtures("sketched")
def test_weights_over_the_steps(tmp_path, settings):
    settings |= {"beta": "warmup(4, 10)"}
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    losses = Page(run.report()).content["losses"]
    assert losses["steps"] == [5, 10, 15, 20]
    assert losses["weights"] == {"kl": [2, 4, 4, 4]}
