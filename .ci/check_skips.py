"""Fails where a test was skipped that a run of CI has all for; prints every skip.

python .ci/check_skips.py LOG        (of pytest -ra)
"""

import pathlib
import re
import sys

# Reasons that CI cannot help, or that are no lack: a regular expression each.
EXPECTED = (
    r"compared with the golden numbers alone",  # torchmetrics, an oracle whose numbers are in the test
    r"PyTorch",  # an oracle of 200 MB and more
    r"G_s mixes all classes",
    r"needs a TF Serving",
    r"ray is not installed",  # two gigabytes
    r"no NVIDIA driver",
    r"shared/data/\S+ is absent",  # the data of the team, not of a checkout
    r"needs root|needs a mount of its own",  # of whoever may not mount
)


def main(log):
    found = re.findall(r"^SKIPPED \[\d+\] (\S+): (.*)$", pathlib.Path(log).read_text(), re.MULTILINE)
    foreign = [(place, why) for place, why in found if not any(re.search(each, why) for each in EXPECTED)]
    for place, why in found:
        print(f"skipped {place}: {why}")
    if foreign:
        sys.exit(f"error: {len(foreign)} skipped tests should have run here: see {', '.join(p for p, _ in foreign)}")
    print(f"{len(found)} skipped tests, all of them expected")


if __name__ == "__main__":
    main(*sys.argv[1:])
