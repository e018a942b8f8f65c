# on: file
# What doc/format/names.md says can be done without these tools works for a dump in several objects, too.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)
seq 4000000 | head -c 12000000 >stream
s3put -q --host ember --part-size 5M --max-object 5M /home 0 <stream | jq -c '[.objects[].size]'
# Not its own: neither is read with it.
echo 'EVIL' | s3put -q -k "ember:/home:0:$day:3" >/dev/null
echo 'EVIL' | s3put -q -k "ember:/home:0:$day:0" >/dev/null

snippet=$(sed -n '/^## Without these tools$/,$ { /^```sh$/,/^```$/ { /^```/! p } }' "$CASES/../../doc/format/names.md")
by_hand() { DIR=$BUCKET_DIR SET=ember:/home LEVEL=0 bash -eu -o pipefail -c "$snippet"; }
by_hand | cmp - stream && echo same
s3get --host ember /home 0 | cmp - stream && echo same

now 'without its last object'
s3prune -q --delete --force -k "ember:/home:0:$day:2" >/dev/null 2>&1
by_hand 2>said | wc -c
grep -o 'object 2 is missing' said
