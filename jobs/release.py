"""`ray job submit --working-dir . -- python jobs/release.py --config jobs/release.yaml`"""

import sys

from factory.entry import main

main(["release", *sys.argv[1:]])
