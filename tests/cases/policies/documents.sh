# The documents are JSON, and what has to be filled in is what the page about them says.
# needs: jq
. "$CASES/lib.sh"
cd "$CASES/../../doc/policies" || exit
for document in *.json; do
    jq -e 'type == "object"' "$document" >/dev/null || echo "$document is not JSON"
    printf '%s: %s\n' "$document" "$(grep -owE 'BUCKET|PRINCIPAL|HOST|FS' "$document" | sort -u | tr '\n' ' ')"
    grep -q "($document)" README.md || echo "$document is not in README.md"
done
jq -r 'select(has("Statement")) | .Statement[] | .Effect + " " + .Sid' ./*.json | sort

now 'without principals they are for users and roles'
jq -c 'del(.Statement[].Principal) | .Statement[0]' restore-only.json

now 'the XML of servers that take no JSON'
jq -r -f xml.jq object-lock-governance.json
