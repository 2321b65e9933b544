"""The wire protocols other vendors speak, one folder each, all on the same engine."""
