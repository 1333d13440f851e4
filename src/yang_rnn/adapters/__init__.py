"""Networks and tasks of other packages, as the records that the analysis takes."""
