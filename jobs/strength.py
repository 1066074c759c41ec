"""`ray job submit --working-dir . -- python jobs/strength.py --config jobs/strength.yaml`"""

import sys

from factory.cli import main

main(["strength", *sys.argv[1:]])
