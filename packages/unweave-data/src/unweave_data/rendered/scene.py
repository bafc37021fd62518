"""Cast rays into a room with one object, and compute the weights of its surfaces in each pixel.

The light of a pixel is linear in the colours of the surfaces. So the rays are cast once per shape,
scale and orientation, and the weights give an image in any colours by a few multiplications.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]

SHAPES = ("cube", "cylinder", "sphere", "capsule")
SURFACES = ("floor", "wall", "object", "gloss")

# Lengths are in units of the room: the object is about 1.3 high at scale 1.
_WALL = 3.5  # distance of the two walls, x = -3.5 and z = -3.5, from the object
_TARGET_HEIGHT = 0.75
_HALF_WIDTH = 2.0  # half of the width of the image at the object
_CAMERA_ELEVATION, _CORNER = 22.0, 45.0  # degrees; the corner of the walls is opposite
_HALF_EDGE, _ROUND, _BALL, _CAPSULE = 0.6, (0.6, 1.25), 0.7, (0.45, 1.5)
# Height of a centre, and a radius about it that contains all four shapes.
_MIDDLE, _REACH = 0.7, 1.11
_GLOSS, _SHARPNESS = 0.25, 40.0
_SHIFT = 1e-6  # distance from the surface at which a shadow ray begins


@dataclass(frozen=True)
class View:
    """Light and camera of the room; angles in degrees, `ambient` from 0 to 1."""

    resolution: int = 64
    field_of_view: float = 34.0
    light_azimuth: float = 80.0
    light_elevation: float = 50.0
    ambient: float = 0.35
    samples: int = 3


def cast(shape: int, scale: float, orientation: float, view: View) -> NDArray[np.float32]:
    """Cast all rays of an image, and return the weights of the surfaces.

    A ray that hits a surface with normal n gives it the weight a + (1 - a) max(0, n . l), where a
    is the ambient light and l the direction of the lamp; in a shadow the weight is a. The object
    has a highlight of weight 0.25 max(0, h . n)^40, where h is halfway between lamp and eye.

    Parameters
    ----------
    shape
        0 for the cube, 1 for the cylinder, 2 for the sphere, 3 for the capsule
    scale
        scale of the object
    orientation
        angle of the camera about the object in degrees
    view
        light and camera; a pixel is the mean of `samples` x `samples` rays

    Returns
    -------
    float32 array, shape (resolution, resolution, 4): weights of floor, wall, object and white

    """
    eye, rays = _camera(orientation, view)
    lamp = _direction(view.light_azimuth, view.light_elevation)
    distance, normal = hit(shape, scale, np.broadcast_to(eye, rays.shape), rays)
    ground, ground_normal, is_floor = _room(eye, rays)
    is_object = distance < ground
    lamp_light = np.maximum(0, np.where(is_object[:, None], normal, ground_normal) @ lamp)
    points = eye + np.minimum(distance, ground)[:, None] * rays
    in_shadow = ~is_object & np.isfinite(
        hit(shape, scale, points + _SHIFT * ground_normal, np.broadcast_to(lamp, rays.shape))[0]
    )
    light = view.ambient + (1 - view.ambient) * lamp_light * ~in_shadow
    half = lamp - rays
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    gloss = _GLOSS * np.maximum(0, (half * normal).sum(axis=1)) ** _SHARPNESS * (lamp_light > 0)
    weights = np.stack(
        [
            light * (~is_object & is_floor),
            light * (~is_object & ~is_floor),
            light * is_object,
            gloss * is_object,
        ],
        axis=-1,
    )
    return _average(weights, view)


def _average(weights: Vectors, view: View) -> NDArray[np.float32]:
    r, s = view.resolution, view.samples
    split = weights.reshape(r, s, r, s, -1)
    means: NDArray[np.float32] = split.mean(axis=(1, 3), dtype=np.float32)
    return means


def _direction(azimuth: float, elevation: float) -> Vectors:
    a, e = math.radians(azimuth), math.radians(elevation)
    return np.array([math.cos(e) * math.cos(a), math.sin(e), math.cos(e) * math.sin(a)])


def _camera(orientation: float, view: View) -> tuple[Vectors, Vectors]:
    """Return the eye (3,), and a unit ray through each sample in row order (m, 3).

    The distance of the eye is such that the width of the image at the object does not depend on the
    field of view.
    """
    target = np.array([0.0, _TARGET_HEIGHT, 0.0])
    back = _direction(_CORNER + orientation, _CAMERA_ELEVATION)
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    up = np.cross(back, right)
    n = view.resolution * view.samples
    half = math.tan(math.radians(view.field_of_view / 2))
    plane = half * ((np.arange(n) + 0.5) / n * 2 - 1)
    across, down = np.meshgrid(plane, plane)
    rays = across.reshape(-1, 1) * right - down.reshape(-1, 1) * up - back
    return target + _HALF_WIDTH / half * back, rays / np.linalg.norm(rays, axis=1, keepdims=True)


def _room(eye: Vectors, rays: Vectors) -> tuple[Vectors, Vectors, NDArray[np.bool_]]:
    """Return for floor and walls the distance (m,), normal (m, 3), and whether it is the floor."""
    sides = np.array([-_WALL, 0.0, -_WALL])
    with np.errstate(divide="ignore"):
        along = np.where(rays < 0, (sides - eye) / rays, np.inf)
    nearest = along.argmin(axis=1)
    return along.min(axis=1), np.eye(3)[nearest], nearest == 1


def hit(shape: int, scale: float, eyes: Vectors, rays: Vectors) -> tuple[Vectors, Vectors]:
    """Return where rays hit the object, which stands on the floor at the origin.

    Parameters
    ----------
    shape, scale
        shape and scale of the object
    eyes, rays
        origins and directions of unit rays, shape (m, 3)

    Returns
    -------
    distance, shape (m,), infinite if the ray misses the object, and normal there, shape (m, 3)

    """
    # Most rays miss a ball about the object: only the others are tested against the object.
    away = eyes - np.array([0.0, _MIDDLE * scale, 0.0])
    along = (away * rays).sum(axis=1)
    near = np.flatnonzero((away**2).sum(axis=1) - along**2 < (_REACH * scale) ** 2)
    distance, normal = np.full(len(rays), np.inf), np.zeros(rays.shape)
    distance[near], normal[near] = _hit(shape, scale, eyes[near], rays[near])
    return distance, normal


def _hit(shape: int, scale: float, eyes: Vectors, rays: Vectors) -> tuple[Vectors, Vectors]:
    if shape == 0:
        return _box(_HALF_EDGE * scale, eyes, rays)
    if shape == 1:
        radius, height = (scale * length for length in _ROUND)
        side = _tube(radius, 0.0, height, eyes, rays)
        return _nearer(side, _disc(radius, height, eyes, rays))
    if shape == 2:
        return _ball(_BALL * scale, _BALL * scale, eyes, rays)
    radius, height = (scale * length for length in _CAPSULE)
    tube = _tube(radius, radius, height - radius, eyes, rays)
    ends = (_ball(radius, centre, eyes, rays) for centre in (radius, height - radius))
    return _nearer(_nearer(tube, next(ends)), next(ends))


def _nearer(
    one: tuple[Vectors, Vectors], other: tuple[Vectors, Vectors]
) -> tuple[Vectors, Vectors]:
    first = one[0] <= other[0]
    return np.where(first, one[0], other[0]), np.where(first[:, None], one[1], other[1])


def _box(half: float, eyes: Vectors, rays: Vectors) -> tuple[Vectors, Vectors]:
    """Return where rays hit a cube, by the slabs of Kay and Kajiya (1986)."""
    centre = np.array([0.0, half, 0.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        near = (centre - half * np.sign(rays) - eyes) / rays
        far = (centre + half * np.sign(rays) - eyes) / rays
    # A ray parallel to two sides is between their planes either everywhere or nowhere.
    flat = rays == 0
    within = np.abs(eyes - centre) <= half
    near = np.where(flat, np.where(within, -np.inf, np.inf), near)
    far = np.where(flat, np.where(within, np.inf, -np.inf), far)
    axis = near.argmax(axis=1)
    entry, exit_ = near.max(axis=1), far.min(axis=1)
    is_hit = (entry < exit_) & (entry > 0)
    normal = -np.sign(rays) * np.eye(3)[axis]
    return np.where(is_hit, entry, np.inf), normal


def _ball(radius: float, height: float, eyes: Vectors, rays: Vectors) -> tuple[Vectors, Vectors]:
    away = eyes - np.array([0.0, height, 0.0])
    distance = _root(1.0, (away * rays).sum(axis=1), (away**2).sum(axis=1) - radius**2)
    safe = np.where(np.isfinite(distance), distance, 0.0)
    return distance, (away + safe[:, None] * rays) / radius


def _tube(
    radius: float, bottom: float, top: float, eyes: Vectors, rays: Vectors
) -> tuple[Vectors, Vectors]:
    flat = np.array([1.0, 0.0, 1.0])
    away, ray = eyes * flat, rays * flat
    square = (ray**2).sum(axis=1)
    distance = _root(square, (away * ray).sum(axis=1), (away**2).sum(axis=1) - radius**2)
    safe = np.where(np.isfinite(distance), distance, 0.0)
    height = eyes[:, 1] + safe * rays[:, 1]
    is_hit = np.isfinite(distance) & (height >= bottom) & (height <= top)
    return np.where(is_hit, distance, np.inf), (away + safe[:, None] * ray) / radius


def _disc(radius: float, height: float, eyes: Vectors, rays: Vectors) -> tuple[Vectors, Vectors]:
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (height - eyes[:, 1]) / rays[:, 1]
    safe = np.where(np.isfinite(distance), distance, 0.0)
    x, z = (eyes[:, k] + safe * rays[:, k] for k in (0, 2))
    is_hit = (safe > 0) & (x**2 + z**2 <= radius**2)
    return np.where(is_hit, distance, np.inf), np.broadcast_to([0.0, 1.0, 0.0], rays.shape)


def _root(a: Vectors | float, b: Vectors, c: Vectors) -> Vectors:
    """Return the smaller root of a t^2 + 2 b t + c = 0 if it is above 0; otherwise infinity."""
    inside = b**2 - a * c
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (-b - np.sqrt(np.maximum(inside, 0))) / a
    return np.where((inside >= 0) & (t > 0), t, np.inf)
