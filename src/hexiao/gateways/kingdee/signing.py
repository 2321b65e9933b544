"""How a Kingdee JDY v2 request is signed and verified, and how mobile numbers are enciphered.

Pure functions of their arguments: the timestamp is parsed but never compared with a clock, a repeated nonce is
not noticed, and no secret is looked up here. Text from the wire is judged, never trusted: no input makes the
verifying side raise.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Final
from urllib.parse import quote, quote_plus, unquote_to_bytes

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

FORMS: Final = ("W", "WJ", "R", "J")
"""The names of the four forms, in the order of `canonical_strings` (Kingdee JDY v2 §1.4)."""

NONCE_HEADER: Final = "X-Api-Nonce"
TIMESTAMP_HEADER: Final = "X-Api-TimeStamp"

_MOBILE_IV: Final = b"5e8y6w45ju8w9jq8"

_UNRESERVED: Final = re.compile(rb"[A-Za-z0-9._~-]*").fullmatch
"""Octets that every form leaves as they are."""


def canonical_strings(
    method: str,
    path: str,
    raw_query: str,
    nonce: str,
    timestamp: str,
    extra_headers: Mapping[str, str] | None = None,
) -> tuple[str, str, str, str]:
    """The string to sign in the forms W, WJ, R and J (Kingdee JDY v2 §1.2 to §1.4).

    `path` is decoded; `raw_query` is the query as it came, read as UTF-8, without `?`. `extra_headers` are the
    further signed headers, named as X-Api-SignHeaders spells them; nonce and timestamp among them are ignored.
    """
    head = f"{method.upper()}\n{_encode_g(_octets(path))}\n"
    tail = f"\n{_header_lines(nonce, timestamp, extra_headers or {})}"

    parts = _octets(raw_query).split(b"&")
    wire = _signed_pairs(sorted(parts))
    decoded = [(_decode(key), _decode(value)) for key, value in _signed_pairs(parts)]
    decoded.sort(key=itemgetter(0))
    return (
        head + _join(wire, _encode_g) + tail,
        head + _join(wire, _encode_js) + tail,
        head + _join(decoded, _twice(_encode_rfc3986)) + tail,
        head + _join(decoded, _twice(_encode_js)) + tail,
    )


def sign(secret: str, string: str) -> str:
    """base64 of the 64 lower-case hex characters, not of the 32 bytes (Kingdee JDY v2 §1.2)."""
    return b64encode(hmac.digest(_octets(secret), _octets(string), "sha256").hex().encode()).decode()


def app_signature(app_key: str, app_secret: str) -> str:
    """What a client shows to be given an app-token; keyed with the *app* secret (Kingdee JDY v2 §2.1)."""
    return sign(app_secret, app_key)


def verify(
    secret: str,
    method: str,
    path: str,
    raw_query: str,
    nonce: str,
    timestamp: str,
    extra_headers: Mapping[str, str] | None,
    signature: str,
) -> str | None:
    """The name of the first form the signature matches, or None (Kingdee JDY v2 §1.4).

    All four forms are computed and compared every time, so the time taken does not tell which one fits.
    """
    sent = _octets(signature)
    strings = canonical_strings(method, path, raw_query, nonce, timestamp, extra_headers)
    matching = [
        form
        for form, string in zip(FORMS, strings, strict=True)
        if hmac.compare_digest(sign(secret, string).encode(), sent)
    ]
    return matching[0] if matching else None


def sign_request(
    client_id: str,
    client_secret: str,
    method: str,
    path: str,
    params: Mapping[str, str | None],
    nonce: str,
    timestamp: str,
) -> tuple[str, dict[str, str]]:
    """The request target and the signature headers our client sends (Kingdee JDY v2 §1.4, last paragraph).

    Parameters that are None are left out. They go on the wire in the very order in which they are signed.
    """
    if "" in params:
        raise ValueError("a query parameter needs a name: the gateway would leave a nameless one unsigned")
    parts = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in params.items() if value is not None]
    query = "&".join(sorted(parts))
    wire_form, *_ = canonical_strings(method, path, query, nonce, timestamp)
    headers = {
        "X-Api-ClientID": client_id,
        "X-Api-Auth-Version": "2.0",
        TIMESTAMP_HEADER: timestamp,
        NONCE_HEADER: nonce,
        "X-Api-SignHeaders": f"{TIMESTAMP_HEADER},{NONCE_HEADER}",
        "X-Api-Signature": sign(client_secret, wire_form),
    }
    target = quote(path, safe="/")
    return (f"{target}?{query}" if query else target), headers


def parse_timestamp(text: str) -> int | None:
    """Milliseconds from 13 digits, or from 10 digits of seconds; anything else is None (Kingdee JDY v2 §1.1)."""
    if not (text.isascii() and text.isdigit() and len(text) in (10, 13)):
        return None
    return int(text) if len(text) == 13 else int(text) * 1000


def encrypt_mobile(plain: str | None, client_secret: str) -> str | None:
    """A mobile number as the gateway shows it; null and empty stay as they are (Kingdee JDY v2 §4)."""
    encipher = mobile_encipherer(client_secret)
    return encipher(plain) if plain else plain


def mobile_encipherer(client_secret: str) -> Callable[[str], str]:
    """Enciphers the numbers of a whole page with one key."""
    cipher = Cipher(AES256(_mobile_key(client_secret)), CBC(_MOBILE_IV))

    def encipher(plain: str) -> str:
        encryptor, octets = cipher.encryptor(), plain.encode()
        missing = 16 - len(octets) % 16
        padded = octets + bytes([missing]) * missing  # PKCS #7, without an object for each of a page's numbers
        return b64encode(encryptor.update(padded) + encryptor.finalize()).decode()

    return encipher


def decrypt_mobile(text: str | None, client_secret: str) -> str | None:
    """The mobile number behind `text`; what is no ciphertext of ours comes back unchanged (Kingdee JDY v2 §4)."""
    key = _mobile_key(client_secret)
    if not text:
        return text
    decryptor, unpadder = Cipher(AES256(key), CBC(_MOBILE_IV)).decryptor(), PKCS7(128).unpadder()
    try:
        padded = decryptor.update(b64decode(text, validate=True)) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError:  # not base64, not whole blocks, wrong padding, not UTF-8: a plain number, then
        return text


def _mobile_key(client_secret: str) -> bytes:
    key = _octets(client_secret)
    if len(key) != 32:
        raise ValueError(f"a client secret has 32 bytes when it enciphers mobile numbers, this one has {len(key)}")
    return key


def _header_lines(nonce: str, timestamp: str, extra: Mapping[str, str]) -> str:
    own = {NONCE_HEADER: nonce, TIMESTAMP_HEADER: timestamp}
    own_names = {name.lower() for name in own}
    signed = {name: value for name, value in extra.items() if name.lower() not in own_names} | own
    return "".join(f"{name.lower()}:{value}\n" for name, value in sorted(signed.items()))


def _signed_pairs(parts: list[bytes]) -> list[tuple[bytes, bytes]]:
    """The parts cut at their first `=`; a part without a key or without `=` is on the wire but not signed."""
    cut = (part.partition(b"=") for part in parts)
    return [(key, value) for key, equals, value in cut if key and equals]


def _join(pairs: list[tuple[bytes, bytes]], encode: Callable[[bytes], str]) -> str:
    def spelled(octets: bytes) -> str:
        return octets.decode() if _UNRESERVED(octets) else encode(octets)

    return "&".join([f"{spelled(key)}={spelled(value)}" for key, value in pairs])


def _twice(encode: Callable[[bytes], str]) -> Callable[[bytes], str]:
    # The second pass finds only its own `%` to encode: all else that the first pass left, it leaves too.
    return lambda octets: encode(octets).replace("%", "%25")


def _encode_g(octets: bytes) -> str:
    """G of Kingdee JDY v2 §1.3: leaves letters, digits and `-_.~`; a space becomes `+`."""
    return quote_plus(octets, safe="")


def _encode_rfc3986(octets: bytes) -> str:
    return quote(octets, safe="")


def _encode_js(octets: bytes) -> str:
    """JavaScript's encodeURIComponent."""
    return quote(octets, safe="!'()*")


def _decode(octets: bytes) -> bytes:
    # Bytes stay bytes: two values of invalid UTF-8 must not become one and the same replacement character.
    return unquote_to_bytes(octets.replace(b"+", b" "))


def _octets(text: str) -> bytes:
    # surrogatepass makes this total: a str from a careless decoder may hold lone surrogates.
    return text.encode("utf-8", "surrogatepass")
