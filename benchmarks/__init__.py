"""Every figure that hexiao publishes, one command each: `python -m benchmarks.p1`, or all: `python -m benchmarks.all`.

Nothing here is a test and nothing here gates anything. How to run and how to read: docs/operate/performance.md.
"""
