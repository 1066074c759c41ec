"""`ray job submit --working-dir . -- python jobs/tune.py --config jobs/tune.yaml`"""

import sys

from factory.entry import main

main(["tune", *sys.argv[1:]])
