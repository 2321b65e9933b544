"""The pure core: what a coupon is, whether it may be used, and for how much. No clock, no I/O, no randomness."""
