"""`ray job submit --working-dir . -- python jobs/generate.py --config jobs/generate.yaml`"""

import sys

from factory.cli import main

main(["generate", *sys.argv[1:]])
