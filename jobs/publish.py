"""`ray job submit --working-dir . -- python jobs/publish.py --config jobs/publish.yaml`"""

import sys

from factory.entry import main

main(["publish", *sys.argv[1:]])
