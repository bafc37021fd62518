"""Colours by their names: what transparent pixels are laid on."""

from unweave_data.errors import DataError


def background_colour(text: str) -> tuple[int, int, int] | None:
    """Read a colour as CSS writes it: white, #ff8800, rgb(255, 136, 0).

    Returns
    -------
    red, green and blue from 0 to 255; None for ""

    Raises
    ------
    DataError
        If there is no such colour.

    Examples
    --------
    >>> background_colour("white")
    (255, 255, 255)
    """
    if not text:
        return None
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(text[:80])[:3]
    except ValueError:
        raise DataError(
            f"background must be a colour such as black, white or #ff8800, got {text[:80]!r}"
        ) from None
    return red, green, blue
