# Reads lines of `hoist --json`; prints what the schema (the first argument) has to say against one, and the types that came.
import json, sys
from jsonschema import Draft202012Validator

schema = json.load(open(sys.argv[1]))
validator = Draft202012Validator(schema)
kinds = {name for name in schema["$defs"]}
seen = set()
for text in sys.stdin:
    line = json.loads(text)
    fits = [ref["$ref"] for ref in schema["oneOf"] if Draft202012Validator({**schema, "oneOf": [ref]}).is_valid(line)]
    seen.update(fits)
    if len(fits) != 1:
        nearest = [ref for ref in schema["oneOf"] if schema["$defs"][ref["$ref"].split("/")[-1]]["properties"]["type"]["const"] == line.get("type")]
        errors = [error.message for ref in nearest for error in Draft202012Validator({**schema, "oneOf": [ref]}).iter_errors(line) for error in error.context]
        print(json.dumps({"line": line, "fits": fits, "errors": errors}))
print(json.dumps({"seen": sorted(one.split("/")[-1] for one in seen)}))
