"""The netx file format of lava-dl 0.6.0 (.net, HDF5): reading and writing."""
