"""Fail if this environment holds another package of unweave than the one that is named."""

import sys
from importlib.metadata import distributions

TORCHLESS = ("unweave-metrics", "unweave-data")

if __name__ == "__main__":
    alone = sys.argv[1]
    names = {d.metadata["Name"].lower().replace("_", "-") for d in distributions()}
    ours = sorted(name for name in names if name.startswith("unweave"))
    if ours != [alone]:
        sys.exit(f"expected {alone} alone, found {ours}")
    if alone in TORCHLESS and "torch" in names:
        sys.exit(f"{alone} must not bring torch")
    print(f"{alone} is alone among {len(names)} distributions")
