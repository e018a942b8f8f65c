# Where a dump can't be read at once, the end of its chunk stream is stored beside it, where it can.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
alone "$one" >stream
about() { jq -c '[.key, .class, .metadata["s3pipes-chunks"]]' "$BUCKET_DIR/.s3pipes/meta/$1%o"; }

for class in GLACIER DEEP_ARCHIVE GLACIER_IR STANDARD_IA; do
    s3put -q -k "$class" --storage-class "$class" <stream | jq -c '[.key, .class]'
done
for key in GLACIER DEEP_ARCHIVE; do
    about "$key"
    about "$key.tail"
done
stored

now 'it is what follows the chunks, byte for byte'
tar tf "$BUCKET_DIR/GLACIER.tail"
head -c 1024 "$BUCKET_DIR/GLACIER.tail" | tr '\0' '\n' | grep -a S3PIPES
after=$((1024 + 2 * 1024))
cmp <(tail -c +$((after + 1)) "$BUCKET_DIR/GLACIER") <(tail -c +1025 "$BUCKET_DIR/GLACIER.tail") && echo same

now 'without it there is no dump'
echo 'in the way' | s3put -q -k taken.tail >/dev/null
s3put -k taken --storage-class GLACIER <stream
ends
stored | grep taken
s3ls -a --uploads
ends
s3put -q --overwrite -k taken --storage-class GLACIER <stream | jq -c .key
about taken.tail

now 'in two phases it is part of the receipt'
s3put --prepare -k two --storage-class GLACIER <stream >prepared
jq -c '[.key, .class, .chunks, .tail.key, (.tail.parts | length)]' prepared
s3put --commit <prepared | jq -c '[.key, .class, .chunks.id]'
about two.tail
s3put -q --commit <prepared | jq -c .key
s3put --commit <<<"$(jq -c '.tail.key = "x"' prepared)"
ends
s3put --prepare -k three --storage-class GLACIER <stream | s3put --abort
ends
stored | grep three
s3ls -a --uploads
ends

now 'what is no chunk stream has none'
echo plain | s3put -q -k plain --storage-class GLACIER | jq -c .class
stored | grep plain
