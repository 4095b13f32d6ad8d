"""Parts of hwsim/mapping.py: cutting, synapse memory, traffic, placement."""
