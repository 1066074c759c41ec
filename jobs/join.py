"""`ray job submit --working-dir . -- python jobs/join.py --config jobs/join.yaml`"""

import sys

from factory.entry import main

main(["join", *sys.argv[1:]])
