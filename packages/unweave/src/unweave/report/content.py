"""The content of a page for its scripts, as JSON."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.plots.charts import shared_edges
from unweave.plots.planes import flat, plane_of
from unweave.report.dimensions import name
from unweave.report.figures import choose_rows
from unweave.report.material import Material
from unweave.report.packing import PackedDecoder, encode_array, pack_decoder
from unweave.report.weights import term_weights
from unweave.trained import Trained

STARTS = 36
"""Number of images from which the explorer can start."""
STARTS_BYTES = 400_000
SAMPLES = 100
CHECKED = 4
"""Number of pictures by PyTorch with which the page compares its own."""
BINS = 40
DECODER_BYTES = 2_600_000
"""Largest size of a decoder's weights as text, in a page of at most 4 MB."""
LEAST_ROOM = 1_100_000
GRID_BYTES = 1_600_000
GRID_IMAGES = 6
GRID_VALUES = 11


def page_content(material: Material, share: int = 1) -> dict[str, Any]:
    """Collect everything that the page's scripts show.

    Parameters
    ----------
    share
        The number of runs that share the page; each has room for a decoder of conv64's size.
    """
    run = material.run
    starts = _starts(material)
    codes = np.asarray(starts["codes"], np.float32)
    packed = pack_decoder(run, codes, max(LEAST_ROOM, DECODER_BYTES // share))
    return {
        "continuous": run.continuous,
        "shape": list(run.dataset.image_shape),
        "dimensions": _dimensions(material),
        "order": material.visible.tolist(),
        "starts": starts,
        "samples": _samples(material),
        "decoder": packed.content,
        "reason": packed.reason,
        "check": _check(run, packed, starts["codes"]),
        "grid": _grid(material, packed, starts["rows"], GRID_BYTES // share),
        "plane": _plane(run, starts["rows"]),
        "points": _points(material),
        "factors": _factors(material),
        "embeddings": list(_embeddings(material)),
        "histograms": [_histogram(material, d) for d in material.visible],
        "matrices": _matrices(material),
        "losses": _losses(material),
    }


def _dimensions(material: Material) -> list[dict[str, Any]]:
    facts = material.dimensions
    return [
        {
            "name": name(d),
            "kl": _number(facts.kl[d]),
            "deviation": _number(facts.deviation[d]),
            "active": bool(facts.active[d]),
            "codes": _five_digits(facts.codes_range[d]),
            "prior": _five_digits(facts.prior_range[d]),
            "mean": _number(material.codes.z[:, d].mean()),
            "spread": _number(material.codes.z[:, d].std()),
        }
        for d in range(material.run.config.dim)
    ]


def _starts(material: Material) -> dict[str, Any]:
    """Return the images from which the explorer can start, with their codes and factors."""
    run = material.run
    rows = choose_rows(run, STARTS, material.seed)
    images = run.dataset.images(rows)
    sprite = ""
    if not run.continuous:
        sprite = sprite_of(images)
        while len(sprite) > STARTS_BYTES and len(images) > 4:
            images = images[: len(images) // 2]
            sprite = sprite_of(images)
    rows = rows[: len(images)]
    codes = run.encode(images)
    return {
        "rows": rows.tolist(),
        "sprite": sprite,
        "codes": [_five_digits(code) for code in codes],
        "labels": [_label(run, int(row)) for row in rows],
    }


def _label(run: Trained, row: int) -> str:
    if run.dataset.factors is None:
        return f"row {row}"
    classes = run.dataset.factors[row]
    pairs = zip(run.dataset.factor_names, classes, strict=True)
    return ", ".join(f"{factor} {value}" for factor, value in pairs)


def _samples(material: Material) -> dict[str, Any]:
    run = material.run
    source = run.sample_source
    codes = run.prior_codes(SAMPLES, material.seed, source)
    return {"source": source, "codes": [_five_digits(code) for code in codes]}


def _check(run: Trained, packed: PackedDecoder, codes: list[list[float]]) -> dict[str, Any] | None:
    if packed.content is None:
        return None
    sample = codes[:CHECKED]
    pictures = run.decode(np.asarray(sample, np.float32))
    if run.continuous:
        return {"codes": sample, "pixels": encode_array(pictures.ravel(), "float32")}
    return {"codes": sample, "pixels": base64.b64encode(pictures.tobytes()).decode()}


def _grid(
    material: Material, packed: PackedDecoder, rows: list[int], room: int
) -> dict[str, Any] | None:
    """Compute traversals for a page that cannot decode: (images, dimensions, values) tiles."""
    run = material.run
    if packed.content is not None or run.continuous:
        return None
    facts = material.dimensions
    dimensions = [d for d in material.visible if facts.active[d]] or material.visible[:2].tolist()
    low, high = facts.codes_range.T
    values = np.linspace(low, high, GRID_VALUES, axis=1).astype(np.float32)
    count = GRID_IMAGES
    while True:
        starts = run.encode(run.dataset.images(np.asarray(rows[:count])))
        codes = np.broadcast_to(
            starts[:, None, None], (len(starts), len(dimensions), GRID_VALUES, starts.shape[1])
        ).copy()
        for k, d in enumerate(dimensions):
            codes[:, k, :, d] = values[d]
        sprite = sprite_of(run.decode(codes.reshape(-1, starts.shape[1])), GRID_VALUES)
        if len(sprite) <= room or count == 1:
            break
        count = max(1, int(count * room / len(sprite)))
    return {
        "images": len(starts),
        "dimensions": [int(d) for d in dimensions],
        "values": [_five_digits(values[d]) for d in dimensions],
        "sprite": sprite,
    }


def _plane(run: Trained, rows: list[int]) -> dict[str, Any] | None:
    """Return the plane in which vectors are drawn, and the data in it."""
    if not run.continuous:
        return None
    data = flat(run.dataset.images(choose_rows(run, 1000, 0)))
    centre, axes = plane_of(data)
    points = (data - centre) @ axes
    starts = (flat(run.dataset.images(np.array(rows))) - centre) @ axes
    return {
        "centre": _five_digits(centre),
        "axes": [_five_digits(axis) for axis in axes.T],
        "points": [_five_digits(point) for point in points],
        "starts": [_five_digits(start) for start in starts],
    }


def _points(material: Material) -> dict[str, Any]:
    """Return the codes of the scatter plot, one dimension after the other."""
    rows, order = material.page_rows, material.visible
    prior = material.prior[: len(rows) // 2, order]
    return {
        "count": len(rows),
        "codes": encode_array(material.codes.z[np.ix_(rows, order)].T),
        "means": encode_array(material.codes.mean[np.ix_(rows, order)].T),
        "prior": encode_array(prior.T),
        "priorCount": len(prior),
    }


def _factors(material: Material) -> list[dict[str, Any]]:
    classes = material.factor_classes
    if classes is None:
        return []
    dataset, count = material.run.dataset, len(material.page_rows)
    return [
        {"name": factor, "size": int(size), "classes": classes[:count, k].tolist()}
        for k, (factor, size) in enumerate(
            zip(dataset.factor_names, dataset.factor_sizes, strict=True)
        )
    ]


def _embeddings(material: Material) -> Iterator[dict[str, Any]]:
    if material.embedding is not None:
        name, points = material.embedding
        # float16 has a small range, and the scale of an embedding has no meaning.
        points = points / max(1e-12, float(np.abs(points).max()))
        yield {"name": name, "points": encode_array(points.T)}


def _histogram(material: Material, d: np.int64) -> dict[str, Any]:
    codes, prior = material.codes.z[:, d], material.prior[:, d]
    edges = shared_edges(codes, prior, BINS)
    densities = (np.histogram(x, edges)[0] / len(x) / (edges[1] - edges[0]) for x in (codes, prior))
    area, line = (_five_digits(density) for density in densities)
    return {"low": float(edges[0]), "high": float(edges[-1]), "codes": area, "prior": line}


def _matrices(material: Material) -> list[dict[str, Any]]:
    matrices = material.matrices if material.run.dataset.factor_names else {}
    return [
        {"name": title, "values": [[_number(v) for v in row] for row in matrix]}
        for title, matrix in matrices.items()
    ]


def _losses(material: Material) -> dict[str, Any]:
    terms = {name: [_number(v) for v in values] for name, values in material.terms.items()}
    weights = term_weights(material.run, material.steps, list(terms))
    return {"steps": material.steps, "terms": terms, "weights": weights}


def sprite_of(images: NDArray[np.uint8], columns: int | None = None) -> str:
    """Lay images (n, h, w, c) out in one PNG without gaps; return it as a data URI."""
    count, height, width, colours = images.shape
    columns = columns or min(count, 12)
    rows = -(-count // columns)
    canvas = np.zeros((rows, columns, height, width, colours), np.uint8)
    canvas.reshape(-1, height, width, colours)[:count] = images
    sheet = canvas.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, colours)
    return data_uri(png(sheet))


def clear_tiles(images: NDArray[np.uint8], columns: int) -> bytes:
    """Lay images (n, h, w, c) out in one PNG, with clear lines that suit any ground."""
    count, height, width, colours = images.shape
    rows = -(-count // columns)
    canvas = np.zeros((rows * columns, height + 1, width + 1, 4), np.uint8)
    canvas[:count, :height, :width, :3] = images if colours == 3 else images[..., :1]
    canvas[:count, :height, :width, 3] = 255
    sheet = canvas.reshape(rows, columns, height + 1, width + 1, 4).transpose(0, 2, 1, 3, 4)
    return png(sheet.reshape(rows * (height + 1), columns * (width + 1), 4)[:-1, :-1])


def png(image: NDArray[np.uint8]) -> bytes:
    """Return an image (h, w, c) as PNG; a fourth colour is how opaque it is."""
    from PIL import Image

    mode = image[..., 0] if image.shape[-1] == 1 else image
    file = io.BytesIO()
    Image.fromarray(mode).save(file, "png", optimize=True)
    return file.getvalue()


def data_uri(content: bytes) -> str:
    """Return a PNG as the source of an `img`."""
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _number(value: Any) -> float | None:
    number = float(value)
    return float(f"{number:.6g}") if np.isfinite(number) else None


def _five_digits(values: Any) -> list[float]:
    return [float(f"{float(v):.5g}") for v in values]
