# A key that may create and nothing else, on a server that honours all of it.
# on: s3serve
# needs: curl jq
. "$CASES/lib.sh"
. "$CASES/s3probe/lib.sh"
echo precious | s3put -q -k precious >/dev/null

now 'with a second key'
plainly creating s3probe --admin-settings admin.keys
now 'nothing of it is left, and nothing else was touched'
s3ls -a -j | jq -r .key
s3ls --uploads -a
s3get -q -k precious

now 'without one, what remains is said unless nothing is to be said, and is called as it should be'
plainly creating s3probe --under 'odd &<näme>/web1:' | grep -e remain -e exit
plainly creating s3probe -q --under 'odd &<näme>/web1:'
s3ls -a -j | jq -r .key | sed 's/[0-9a-f]\{32\}/XXX/' | uniq -c

now 'below a prefix, as JSON'
creating s3probe -q -j -b "$S3_BUCKET/below/it" --admin-settings admin.keys | jq -c '[.check, .result]'
grep -c '/below/it/s3probe-canary-[^ ]* 20[04]' "$LOG" | sed 's/^[1-9][0-9]*$/it was there/'
