"""The commands that snnexport adds to ``spikeport``; each parses, calls, prints."""
