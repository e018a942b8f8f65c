# doc/policies/prune-only.json: a key that lists and removes, and neither reads nor writes. What it removes was stored
# by another key than the owner's as well.
# on: radosgw
# needs: curl jq openssl
. "$CASES/lib.sh"
. "$CASES/policies/lib.sh"
apply write-only.json
echo by the other | other s3put -q --grant-owner -k extra >/dev/null
apply prune-only.json
for hour in 1 2 3; do echo "hour $hour" | s3put -q --host h --date "$(date -u +%F)T0${hour}0000Z" home 0 >/dev/null; done
s3 POST '/unfinished?uploads=' >/dev/null

now 'it lists'
other s3ls --host h -j | jq -r .key
ends

now 'it removes by policy and by name, and aborts uploads'
other s3prune -q --host h --keep-last 1 --delete
ends
other s3prune -q -k extra --delete
ends
s3ls --uploads -a -j | jq -r .key
other s3prune -q --uploads 0h -a --delete
s3ls --uploads -a
ends
s3ls -a -j | jq -r .key

now 'it reads and stores nothing'
other s3get --host h home 0
ends
echo new | other s3put -k new
ends
other says PUT '/?lifecycle=' "$(filled lifecycle.json | jq -r -f "$POLICIES/xml.jq")"
