"""Networks of other packages, and steps of one's own, as a `System` that the analysis takes."""
