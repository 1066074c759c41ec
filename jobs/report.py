"""`ray job submit --working-dir . -- python jobs/report.py --config jobs/report.yaml`"""

import sys

from factory.entry import main

main(["report", *sys.argv[1:]])
