# on: file s3serve radosgw
# Several receipts are committed in their order, and none if one of them can't be.

. "$CASES/lib.sh"
s3put -q --make-bucket
keys() { s3ls -a -j --no-checksum 2>/dev/null | jq -r .key; }
for name in data manifest other; do
    echo "$name" | s3put --prepare -k "$name" >"$name"
done

now 'one is gone: nothing is committed'
s3put --abort <other
cat data manifest other | s3put --commit
ends
keys

now 'one is taken: the same'
echo other | s3put --prepare -k other >other
echo mine | s3put -k other >stored
cat data manifest other | s3put --commit
ends
s3ls -a -j --no-checksum | jq -r .key
s3put --abort <other

now 'in order, with a blank line; one is stored already'
{ cat data; echo; cat manifest stored; } | s3put --commit | jq -c '[.s3pipes, .key]'
keys

now 'what belongs to another place'
s3put --commit -b s3://elsewhere <data
ends
sed 's|"bucket":"[^"]*"|"bucket":"s3://elsewhere"|' data | cat manifest - | s3put --commit
( unset S3_BUCKET; s3put --commit <data | jq -c .key )

now 'nothing to do'
: | s3put --commit
ends
: | s3put --abort
ends
cat stored | s3put --commit
ends
cat stored | s3put --abort
ends
