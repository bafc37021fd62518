"""What the static figures of a report say: axes, legends, units, colours."""

import base64
import functools
import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

import unweave
from unweave.plots.charts import draw_histograms, draw_matrix
from unweave.report.figure_parts import figure_parts
from unweave.report.figures import figures_of
from unweave.report.material import gather
from unweave.report.scatter import _axes as axes_of


@pytest.fixture
def material(tmp_path, settings):
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    return gather(run, 0)


def drawn(material, stem):
    (figure,) = figures_of(material, (stem,))
    return figure.drawing()


def test_the_axes_of_codes_are_named(material):
    panels = drawn(material, "codes").axes
    assert {panel.get_xlabel() for panel in panels[:2]} == {"first principal component"}
    assert panels[0].get_ylabel() == "second principal component"
    assert axes_of(["z₁", "z₂"]) == ("z₁", "z₂")
    assert axes_of(["z₁"]) == ("z₁", "")


def test_rows_of_traversals_say_what_their_number_is(material):
    (panel,) = drawn(material, "traversals").axes
    labels = [text.get_text() for text in panel.get_yticklabels()]
    kl = material.dimensions.kl[material.visible]
    assert [text.splitlines()[1] for text in labels] == [f"KL {max(0, v):.2f} nats" for v in kl]


def test_histograms_have_a_legend_of_what_is_there():
    rng = np.random.default_rng(0)
    codes, prior = rng.standard_normal((2, 500, 3))
    for active, wanted in (
        ([True, True, False], ["codes z ~ q(z|x)", "codes, inactive dimension", "prior"]),
        ([True, True, True], ["codes z ~ q(z|x)", "prior"]),
        ([False, False, False], ["codes, inactive dimension", "prior"]),
    ):
        (legend,) = draw_histograms(["a", "b", "c"], codes, prior, np.array(active)).legends
        assert [text.get_text() for text in legend.get_texts()] == wanted


def test_cells_of_inactive_dimensions_keep_the_colours_of_the_bar():
    """Every pixel in the middle of a cell's left half is the colour map's of its number."""
    matrix = np.array([[1.0, 1.0], [0.3, 0.3]])
    figure = draw_matrix(matrix, ["a", "b"], ["z₁", "z₂"], np.array([True, False]))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    panel = figure.axes[0]
    image = panel.images[0]
    for (row, column), value in np.ndenumerate(matrix):
        (x0, y0), (x1, y1) = panel.transData.transform(
            [(column - 0.45, row + 0.4), (column - 0.25, row - 0.4)]
        )
        height = len(picture)
        patch = picture[int(height - y1) : int(height - y0), int(x0) : int(x1)].reshape(-1, 3)
        wanted = np.array(image.cmap(image.norm(value))[:3]) * 255
        # Hatched cells: most pixels lie between the lines.
        assert np.abs(np.median(patch, axis=0) - wanted).max() <= 2
    hatches = [patch.get_hatch() for patch in panel.patches]
    assert hatches == ["///"]


def sheet_of(material, stem):
    (figure,) = figures_of(material, (stem,))
    found = figure_parts(figure)
    content = base64.b64decode(found["source"].partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content))), found


def test_the_page_shows_images_on_its_own_ground(material):
    """Between the images the page is seen, light or dark; the images are those of the run."""
    sheet, found = sheet_of(material, "reconstructions")
    (figure,) = figures_of(material, ("reconstructions",))
    assert isinstance(figure.drawing, functools.partial)
    images, columns = figure.drawing.args
    assert (found["kind"], sheet.shape) == ("tiles-figure", (33, 17 * columns - 1, 4))
    assert not sheet[16, :, 3].any()
    assert not sheet[:, 16::17, 3].any()
    np.testing.assert_array_equal(sheet[17:, 17:33, 0], images[columns + 1, ..., 0])
    assert (sheet[17:, 17:33, 3] == 255).all()


def test_rows_of_the_page_have_their_names_as_text(material):
    sheet, found = sheet_of(material, "traversals")
    labels = [material.dimensions.label(d) for d in material.visible]
    assert [name["text"] for name in found["names"]] == labels
    assert len(sheet) == 17 * len(labels) - 1
    assert [name["quiet"] for name in found["names"]] == [
        not material.dimensions.active[d] for d in material.visible
    ]
    assert sheet_of(material, "histograms")[1]["kind"] == "chart"
