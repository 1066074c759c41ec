"""`ray job submit --working-dir . -- python jobs/evaluate.py --config jobs/evaluate.yaml`"""

import sys

from factory.entry import main

main(["evaluate", *sys.argv[1:]])
