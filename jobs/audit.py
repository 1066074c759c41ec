"""`ray job submit --working-dir . -- python jobs/audit.py --config jobs/audit.yaml`"""

import sys

from factory.entry import main

main(["audit", *sys.argv[1:]])
