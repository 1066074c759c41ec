"""`ray job submit --working-dir . -- python jobs/ablate.py losses --config jobs/ablate.yaml`"""

import sys

from factory.entry import main

main(["ablate", *sys.argv[1:]])
