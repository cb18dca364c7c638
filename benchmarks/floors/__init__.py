"""What the machine and bare Python can do, without lambdarun: `python -m benchmarks.floors` prints absolute figures."""
