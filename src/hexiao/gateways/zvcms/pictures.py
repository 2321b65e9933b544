"""A coupon's code as pictures for a screen: Code 128 bars and a QR code, each an SVG in a data URI.

What the vendor puts into these two members is not known; a data URI is our choice, and off by default.
"""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO


def barcode_uri(code: str) -> str:
    """Code 128; "" for a code with letters that Code 128 has no bars for."""
    if not (code.isascii() and code.isprintable()):
        return ""
    # Not above: a server that starts does not wait for it.
    import barcode
    from barcode.writer import SVGWriter

    picture = BytesIO()
    barcode.get("code128", code, writer=SVGWriter()).write(picture)
    return _data_uri(picture.getvalue())


def qrcode_uri(code: str) -> str:
    """A QR code with medium error correction, black on white, with its quiet zone."""
    import segno

    picture = BytesIO()
    segno.make_qr(code, error="m").save(picture, kind="svg", scale=4, light="white", xmldecl=False)
    return _data_uri(picture.getvalue())


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + b64encode(svg).decode("ascii")
