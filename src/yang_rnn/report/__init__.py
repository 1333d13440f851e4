"""A page that tells what a run or a sweep came to: one file, for any browser."""
