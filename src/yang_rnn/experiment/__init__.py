"""One run: its record, its figures, its summary, its files."""
