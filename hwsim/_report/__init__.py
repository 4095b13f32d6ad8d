"""The report on a run: its value and file, its terminal tables, its HTML page."""
