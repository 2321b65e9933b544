"""hexiao (核销): a self-hosted coupon redemption engine. `ls` of this folder is the architecture."""

__version__ = "0.1.0"
