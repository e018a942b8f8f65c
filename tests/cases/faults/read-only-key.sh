# A key that may read objects and not list them reads a dump in several objects, too.
# on: s3serve
# fault: ListObjectsV2:deny
. "$CASES/lib.sh"

day=$(date +%F)
seq 4000000 | head -c 12000000 >stream
s3put -q --host ember --part-size 5M --max-object 5M /home 0 <stream | jq -c '[.size, (.objects | length)]'
s3get --host ember --date "$day" /home 0 | cmp - stream && echo same
s3get -k "ember:/home:0:$day" | cmp - stream && echo same
