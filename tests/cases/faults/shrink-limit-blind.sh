# Where the key may not list there is nothing to compare with, and the dump is stored.
# on: s3serve
# fault: reading:deny
. "$CASES/lib.sh"
echo something | s3put --shrink-limit 10% --host h --date 2024-01-01 home 0 | jq -c '[.key, .size]'
