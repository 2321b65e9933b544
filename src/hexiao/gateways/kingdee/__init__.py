"""Kingdee JDY v2 (金蝶星辰), both as a server and as a client."""
