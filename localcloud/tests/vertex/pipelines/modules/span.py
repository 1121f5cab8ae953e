"""A hook before the cache lookup: sets the parameter ``span`` to the content of the file ``span_file``."""

import json
import sys
from pathlib import Path

from produce import report

executor_input = json.loads(sys.argv[1])
span = Path(executor_input["inputs"]["parameterValues"]["span_file"]).read_text()
report(executor_input["outputs"]["outputFile"], {"parameterValues": {"span": span}})
