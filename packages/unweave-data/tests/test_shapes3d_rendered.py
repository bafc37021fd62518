import numpy as np
import pytest
from narrowing import present

from unweave_data import load
from unweave_data.rendered.scene import View, cast, hit

SIZES = (10, 10, 10, 8, 4, 15)


def distance_to(shape, scale, p):
    """Signed distance of points (m, 3) to the object: formulas apart from those of the renderer."""
    x, y, z = p.T
    across = np.hypot(x, z)
    if shape == 0:
        half = 0.6 * scale
        q = np.abs(np.stack([x, y - half, z], 1)) - half
        return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0)
    if shape == 1:
        radius, height = 0.6 * scale, 1.25 * scale
        q = np.stack([across - radius, np.abs(y - height / 2) - height / 2], 1)
        return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0)
    if shape == 2:
        return np.linalg.norm(p - [0, 0.7 * scale, 0], axis=1) - 0.7 * scale
    radius, height = 0.45 * scale, 1.5 * scale
    nearest = np.clip(y, radius, height - radius)
    return np.sqrt(across**2 + (y - nearest) ** 2) - radius


@pytest.mark.parametrize("shape", range(4))
@pytest.mark.parametrize("scale", [0.75, 1.0, 1.25])
def test_rays_meet_the_object_where_its_distance_is_zero(shape, scale):
    rng = np.random.default_rng(shape)
    eyes = rng.normal(size=(4000, 3))
    eyes = eyes / np.linalg.norm(eyes, axis=1, keepdims=True) * 5 + [0, 0.7, 0]
    # No ray begins below the floor: the cylinder has no lower lid, as nobody can see it.
    eyes[:, 1] = np.abs(eyes[:, 1]) + 0.01
    aims = rng.normal(0, 0.6, (4000, 3)) + [0, 0.7, 0]
    rays = aims - eyes
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    found, normal = hit(shape, scale, eyes, rays)
    marched = np.zeros(4000)
    for _ in range(400):
        marched += np.maximum(distance_to(shape, scale, eyes + marched[:, None] * rays), 0)
    gap = distance_to(shape, scale, eyes + np.minimum(marched, 50)[:, None] * rays)
    met, above = gap < 1e-8, (eyes + np.minimum(marched, 50)[:, None] * rays)[:, 1] > 1e-3
    clear = gap > 1e-2
    assert met.sum() > 500
    assert clear.sum() > 500
    np.testing.assert_allclose(found[met & above], marched[met & above], atol=2e-3)
    assert np.isinf(found[clear & above]).all()
    points = (eyes + np.where(np.isfinite(found), found, 0)[:, None] * rays)[met & above]
    step = 1e-5
    ahead, behind = (
        [distance_to(shape, scale, points + d) for d in np.eye(3) * sign * step] for sign in (1, -1)
    )
    slope = (np.stack(ahead, axis=1) - np.stack(behind, axis=1)) / (2 * step)
    # The distance has no slope on an edge.
    smooth = np.abs(np.linalg.norm(slope, axis=1) - 1) < 1e-3
    assert smooth.mean() > 0.95
    np.testing.assert_allclose(normal[met & above][smooth], slope[smooth], atol=1e-2)


def test_a_sphere_covers_what_its_cone_does():
    view = View(resolution=128)
    weights = cast(2, 1.0, 0.0, view)
    covered = (weights[..., 2] > 0).mean()
    # A sphere of radius r at distance d fills a cone of sine r / d about its centre, which is
    # 0.05 off the axis; the camera is as far away as its lens asks for.
    distance = 2.0 / np.tan(np.radians(34 / 2))
    angle = np.arcsin(0.7 / distance)
    area = np.pi * (np.tan(angle) / np.tan(np.radians(17))) ** 2 / 4
    assert covered == pytest.approx(area, rel=0.05)


def test_every_pixel_is_floor_wall_or_object():
    weights = cast(1, 1.25, 10.0, View(resolution=32, ambient=1.0))
    np.testing.assert_allclose(weights[..., :3].sum(axis=-1), 1, atol=1e-6)


def at(data, *classes):
    return data.images([np.ravel_multi_index(classes, SIZES)])[0].astype(int)


def test_a_hue_changes_its_own_surface_alone():
    data = load("shapes3d-rendered", resolution=32)
    base = at(data, 1, 4, 7, 5, 3, 9)
    weights = cast(3, np.linspace(0.75, 1.25, 8)[5], np.linspace(-30, 30, 15)[9], View(32))
    for k, surface in enumerate((0, 1, 2)):
        classes = [1, 4, 7, 5, 3, 9]
        classes[k] += 2
        changed = (at(data, *classes) != base).any(axis=-1)
        assert not changed[weights[..., surface] == 0].any()
        assert changed[weights[..., surface] > 0.3].all()


def test_factors_of_the_grid_do_what_they_say():
    data = load("shapes3d-rendered", resolution=32)
    small, large = (at(data, 0, 5, 2, s, 2, 7) for s in (0, 7))
    thing = at(data, 0, 5, 2, 0, 2, 7)[16, 16]
    red = [(np.abs(image - thing).sum(-1) < 60).sum() for image in (small, large)]
    assert red[1] > 1.5 * red[0]
    turned = at(data, 0, 5, 2, 3, 2, 0), at(data, 0, 5, 2, 3, 2, 14)
    assert np.abs(turned[0] - turned[1]).mean() > 3
    # The corner of the walls moves to the other side.
    edges = [np.abs(np.diff(image[1].sum(-1))).argmax() for image in turned]
    assert (edges[0] - 15.5) * (edges[1] - 15.5) < 0


def test_images_do_not_depend_on_what_was_asked_for_before():
    index = np.array([5, 479_999, 240_000])
    one = load("shapes3d-rendered", resolution=16)
    other = load("shapes3d-rendered", resolution=16)
    other.images(np.arange(0, 480_000, 9601))
    assert (one.images(index) == other.images(index)).all()
    assert one.stored() is None


def test_factors_are_those_of_shapes3d():
    data = load("shapes3d-rendered", resolution=16)
    assert data.factor_names == (
        "floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation",
    )  # fmt: skip
    assert present(data.factor_values)[-1].tolist() == [0.9, 0.9, 0.9, 1.25, 3, 30]


def test_light_and_lens():
    base = load("shapes3d-rendered", resolution=32)
    index = [np.ravel_multi_index((0, 3, 6, 4, 0, 7), SIZES)]
    flat = load("shapes3d-rendered", resolution=32, ambient=1.0).images(index)
    dark = load("shapes3d-rendered", resolution=32, ambient=0.0).images(index)
    assert dark.mean() < base.images(index).mean() < flat.mean()
    wide = load("shapes3d-rendered", resolution=32, field_of_view=70.0).images(index)
    moved = load("shapes3d-rendered", resolution=32, light_azimuth=20.0).images(index)
    assert not (wide == base.images(index)).all()
    assert not (moved == base.images(index)).all()


@pytest.mark.parametrize(
    "options",
    [
        {"resolution": 8}, {"resolution": 64.0}, {"field_of_view": 120}, {"ambient": 1.5},
        {"light_elevation": 0}, {"light_azimuth": float("nan")},
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused(complaint, options):
    assert next(iter(options)) in complaint(load, "shapes3d-rendered", **options)
