"""`ray job submit --working-dir . -- python jobs/prepare.py --config jobs/prepare.yaml`"""

import sys

from factory.entry import main

main(["prepare", *sys.argv[1:]])
