"""`ray job submit --working-dir . -- python jobs/pipeline.py --config jobs/pipeline.yaml out=s3://bucket/run`"""

import sys

from factory.entry import main

main(["pipeline", *sys.argv[1:]])
