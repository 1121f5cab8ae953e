"""Prints how it was started."""

import json
import os
import sys

print(json.dumps({"argv": sys.argv[1:], "name": __name__, "greeting": os.environ.get("GREETING")}))
