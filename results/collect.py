"""Copy what matters of a sweep's table beside this file, small enough to be kept.

    python results/collect.py sweeps/notebook notebook.csv

Numbers are rounded to five digits. Reasons in words are left out: `criteria.judge` gives them from
the numbers.
"""

import argparse
from pathlib import Path

import pandas

from yang_rnn.ensemble.table import TABLE

HERE = Path(__file__).parent
LEFT_OUT = ("reason", "mechanism_reason", "label", "point", "error", "participation_ratio")
BEGINNINGS = ("starts_", "index_")


def main() -> None:
    """Write the compact table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", type=Path)
    parser.add_argument("name")
    arguments = parser.parse_args()
    table = pandas.read_csv(arguments.sweep / TABLE)
    kept = [
        name for name in table.columns if name not in LEFT_OUT and not name.startswith(BEGINNINGS)
    ]
    # A member that failed has no numbers; what was wrong is in the sweep's own table.
    table["failed"] = table["error"].notna()
    table[[*kept, "failed"]].to_csv(HERE / arguments.name, index=False, float_format="%.5g")
    size = (HERE / arguments.name).stat().st_size
    print(f"{len(table)} networks, {int(table['failed'].sum())} failed, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
