"""`ray job submit --working-dir . -- python jobs/fit_student.py --config jobs/fit_student.yaml`"""

import sys

from factory.entry import main

main(["fit-student", *sys.argv[1:]])
