"""`ray job submit --working-dir . -- python jobs/fit_dsdg.py --config jobs/fit_dsdg.yaml`"""

import sys

from factory.entry import main

main(["fit-dsdg", *sys.argv[1:]])
