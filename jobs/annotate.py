"""`ray job submit --working-dir . -- python jobs/annotate.py --config jobs/annotate.yaml`"""

import sys

from factory.entry import main

main(["annotate", *sys.argv[1:]])
