"""`ray job submit --working-dir . -- python jobs/world.py --config jobs/world.yaml`"""

import sys

from factory.entry import main

main(["world", *sys.argv[1:]])
