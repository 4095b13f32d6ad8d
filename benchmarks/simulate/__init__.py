"""What benchmarks/simulate.py measures: cases, spikeport, its peers, the bound, and checks."""
