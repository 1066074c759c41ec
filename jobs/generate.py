"""`ray job submit --working-dir . -- python jobs/generate.py --config jobs/generate.yaml`"""

import sys

from factory.entry import main

main(["generate", *sys.argv[1:]])
