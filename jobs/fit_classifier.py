"""`ray job submit --working-dir . -- python jobs/fit_classifier.py --config jobs/fit_classifier.yaml`"""

import sys

from factory.entry import main

main(["fit-classifier", *sys.argv[1:]])
