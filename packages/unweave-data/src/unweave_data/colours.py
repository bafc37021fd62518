"""Read the colour of the background of transparent pixels."""

from unweave_data.errors import DataError


def background_colour(text: str) -> tuple[int, int, int] | None:
    """Read a colour in the notation of CSS: white, #ff8800, rgb(255, 136, 0).

    Returns
    -------
    red, green and blue from 0 to 255; None for ""

    Raises
    ------
    DataError
        If the text is not a colour.

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
