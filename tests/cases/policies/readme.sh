# The commands of doc/policies/README.md do what they say.
# on: radosgw
# needs: curl jq openssl
. "$CASES/lib.sh"
. "$CASES/policies/lib.sh"
filled_in
jq -c '.Rules | length' both.json
block 'test curl' >apply
. ./apply
statements
rules
