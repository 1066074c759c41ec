"""`ray job submit --working-dir . -- python jobs/benchmark.py --config jobs/benchmark.yaml`"""

import sys

from factory.entry import main

main(["benchmark", *sys.argv[1:]])
