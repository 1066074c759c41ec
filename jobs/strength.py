"""`ray job submit --working-dir . -- python jobs/strength.py --config jobs/strength.yaml`"""

import sys

from factory.entry import main

main(["strength", *sys.argv[1:]])
