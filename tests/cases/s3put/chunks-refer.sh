# on: file s3serve radosgw
# What refers to others is stored only if those are there, in this place, and for long enough.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
put() { s3put --host ember --date 2019-01-0"$1" home "$1"; }
first=ember:home:0:2019-01-01
alone "$one" | s3put -q --host ember --date 2019-01-01 home 0 >/dev/null

now 'they are there'
referring "$two" "$S3_BUCKET" "$(later)" "$one" "$first" | put 2 | jq -c .chunks
ends
referring "$three" "$S3_BUCKET" "$(later)" "$one" "$first" "$two" ember:home:2:2019-01-02 | put 3 | jq -c .chunks

now 'one is not'
referring "$three" "$S3_BUCKET" "$(later)" "$one" "$first" "$two" ember:home:1:2019-01-02 | put 4
ends

now 'another dump has its name'
referring "$three" "$S3_BUCKET" "$(later)" "$two" "$first" | put 4
ends

now 'something that says nothing has its name'
echo plain | s3put -q -k "$first.plain" >/dev/null
referring "$three" "$S3_BUCKET" "$(later)" "$two" "$first.plain" | put 4 | jq -c .chunks.objects
ends

now 'another place'
referring "$three" "$S3_BUCKET/elsewhere" "$(later)" "$one" "$first" | put 5
ends

now 'too late'
referring "$three" "$S3_BUCKET" 1546300800 "$one" "$first" | put 5
ends

now 'what is prepared is looked at again when it is committed'
referring "$three" "$S3_BUCKET" "$(later)" "$one" "$first" | s3put --prepare --host ember --date 2019-01-05 home 5 >prepared
jq -c '[.chunks, .bond.objects, (.bond.until > now), (.started <= now)]' prepared
s3put -q --commit <<<"$(jq -c '.bond.until = 1546300800' prepared)"
ends
s3prune -q --delete --force -k "$first" >/dev/null
s3put --commit <prepared
ends
alone "$one" | s3put -q -k "$first" >/dev/null
s3put -q --commit <prepared | jq -c '[.key, .chunks, has("started")]'
ends
now 'another chunk stream is not replaced, the same one and something else is'
alone "$two" | s3put -k "$first" --overwrite
ends
alone "$one" | s3put -q -k "$first" --overwrite | jq -c .chunks.id
echo plain | s3put -k "$first" --overwrite
ends
echo plain | s3put -q -k later --prepare --overwrite >overwrite
alone "$two" | s3put -q -k later >/dev/null
s3put --commit <overwrite
ends
s3put --abort <overwrite
s3get --raw -k later | grep -ac "^id $two"
alone "$two" | s3put -q -k "$first.plain" --overwrite | jq -c .chunks.id

now 'and once it is there, nobody asks any more'
s3prune -q --delete --force -k "$first" >/dev/null
s3put -q --commit <prepared | jq -c .key
stored
