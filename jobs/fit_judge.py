"""`ray job submit --working-dir . -- python jobs/fit_judge.py --config jobs/fit_judge.yaml`"""

import sys

from factory.entry import main

main(["fit-judge", *sys.argv[1:]])
