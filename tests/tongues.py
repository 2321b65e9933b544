"""Which language a sentence is in. Names, places and values stand in backticks and belong to no language."""

from __future__ import annotations

import re

_QUOTED = re.compile(r"`[^`]*`")
_NAMES = re.compile(r"\b(JSON|UTF-8)\b", re.ASCII)


def is_chinese(sentence: str) -> bool:
    """中文, without one Latin letter."""
    bare = _NAMES.sub("", _QUOTED.sub("", sentence))
    return re.search(r"[\u4e00-\u9fff]", bare) is not None and re.search(r"[A-Za-z]", bare) is None


def is_english(sentence: str) -> bool:
    """Without one character or mark of 中文."""
    bare = _QUOTED.sub("", sentence)
    return re.search(r"[A-Za-z]", bare) is not None and re.search(r"[\u3000-\u9fff\uff00-\uffef]", bare) is None
