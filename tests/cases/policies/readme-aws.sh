# The commands of doc/policies/README.md for AWS's own program do what they say.
# on: radosgw
# needs: aws curl jq openssl
. "$CASES/lib.sh"
. "$CASES/policies/lib.sh"
# It may be only a wrapper that can't find what it wraps here.
aws --version >/dev/null 2>&1 || echo 'SKIPPED: the program aws does not run'
filled_in
block 'test aws' >apply
. ./apply
statements
rules
