"""Our own JSON API /v1, its description, and the two plain pages. Holds no rule: parse → call → render."""
