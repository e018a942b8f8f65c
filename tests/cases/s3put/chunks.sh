# A chunk stream gets a toc and an end, and its objects its id; what isn't one is stored as it is.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket

name=(--host ember --date 2019-01-01)
body=$BUCKET_DIR/ember:home:0:2019-01-01
id_of() { jq -r '.metadata["s3pipes-chunks"]' "$BUCKET_DIR/.s3pipes/meta/$1%o"; }

alone "$one" >stream
s3put "${name[@]}" home 0 <stream >receipt
ends
jq -c '[.key, .size, .chunks]' receipt
jq -e '.started > 1700000000 and .started <= now' receipt
id_of ember:home:0:2019-01-01

now 'what is stored is the archive, with two more members'
tar tvf "$body" --numeric-owner
cmp -n $(($(stat -c %s stream) - 1024)) stream "$body" && echo 'the same up to there'
tar xOf "$body" toc
tar xOf "$body" end | grep .
for member in index.zst.age refs toc; do
    read -r offset size < <(tar xOf "$body" end | sed -n "s/^${member%%.*} //p")
    cmp <(tail -c +$((offset + 1)) "$body" | head -c "$size") <(tar xOf "$body" $member) && echo "$member is there"
done

now 'what has them is stored as it is'
s3put -q -k again <"$body" | jq -c '[.size, .chunks]'
cmp "$body" "$BUCKET_DIR/again" && echo same
id_of again

now 'what is something else is stored as it is'
head -c 1023 stream | s3put -k cut | jq -c '[.size, has("chunks")]'
gzip <stream | s3put -k zipped | jq -c 'has("chunks")'
gzip -d <"$BUCKET_DIR/zipped" | cmp - stream && echo same
id_of zipped

now 'whoever asks for a tar archive gets one; and that is counted which is stored'
s3put -k asked --expect tar <stream | jq -c .chunks.id
s3put -k zstd --expect zstd <stream
ends
size=$(jq .size receipt)
s3put -k large --min-size "$size" <stream | jq .size
s3put -k small --min-size "$((size + 1))" <stream
ends

now 'a producer that died makes no dump, though the stream looks whole'
s3put -k dead -- sh -c 'cat stream; exit 1'
ends
# It fits into the pipe, so what writes it has ended before anybody looks.
exec 5< <(cat stream)
wait $!
s3put -q -k unseen --expect tar --commit clean <&5 >/dev/null 2>said || cat said
exec 5<&-
stored
