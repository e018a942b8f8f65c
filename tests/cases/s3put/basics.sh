# on: file s3serve radosgw
# What goes into s3put comes out of s3get, and the receipt says what was stored.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

echo 'hello' | s3put --host ember --date "$day" /home 0 >receipt
ends
cat receipt
jq -r 'keys_unsorted | join(" ")' receipt
jq -c '[(.etag | length > 0), (.token | test("^[0-9a-f]{32}$")), (.seconds >= 0)]' receipt

s3get --host ember --date "$day" /home 0
ends

now "a key of one's own"
echo 'a note' | s3put -k 'notes/today: "important"' | jq -r .key
s3get -k 'notes/today: "important"'

now 'this host and today are the defaults'
echo 'here' | s3put /home 0 | jq -r .key | sed "s/^$(uname -n | sed 's/[.].*//'):/HERE:/"
s3get /home 0

now 'quiet says nothing; the receipt is not talk'
echo 'quiet' | s3put -q --host ember --date 2019-11-29 /home 0 | jq -r .key
now 'verbose says what was done'
echo 'loud' >noise
s3put -v --host ember --date 2019-11-28 /home 0 <noise >loud
