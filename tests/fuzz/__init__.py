"""The fuzzer: random networks, compared value by value between everything that can run them."""
