"""An exec tool: arguments as JSON on stdin, the result as JSON on stdout."""

import json
import sys

WEATHER = {"Paris": "rain", "Lisbon": "sun"}

args = json.load(sys.stdin)["args"]
city = args.get("city", "")
if city in WEATHER:
    json.dump({"result": {"city": city, "weather": WEATHER[city]}}, sys.stdout)
else:
    json.dump({"error": f"no weather for {city!r}"}, sys.stdout)
