"""`ray job submit --working-dir . -- python jobs/fit_generator.py --config jobs/fit_generator.yaml`"""

import sys

from factory.entry import main

main(["fit-generator", *sys.argv[1:]])
