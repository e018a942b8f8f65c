# on: s3serve radosgw
# A bucket that isn't there is a reason to stop, and the message says how to make one.

. "$CASES/lib.sh"
day=$(date +%F)

# The server's own words are left out.
try() {
    "$@" 2>&1 | sed 's/^\([^:]*: error: [^:]*\(:[^ ][^:]*\)*\): .*/\1: REASON/'
    echo "exit ${PIPESTATUS[0]}"
}
missing=s3://s3pipes-no-such-bucket

echo 'data' | try s3put -b "$missing" --host ember --date "$day" /home 0
try s3get -b "$missing" --host ember --date "$day" /home 0
try s3ls -b "$missing"
try s3prune -b "$missing" --keep-last 1
