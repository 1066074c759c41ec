"""`ray job submit --working-dir . -- python jobs/fit_style.py --config jobs/fit_style.yaml`"""

import sys

from factory.entry import main

main(["fit-style", *sys.argv[1:]])
