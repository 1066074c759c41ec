"""`ray job submit --working-dir . -- python jobs/calibrate.py --config jobs/calibrate.yaml`"""

import sys

from factory.entry import main

main(["calibrate", *sys.argv[1:]])
