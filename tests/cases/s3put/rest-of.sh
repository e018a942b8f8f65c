# on: file s3serve radosgw
# A sealed dump gets other recipients: a new header comes, and the server copies the rest.

. "$CASES/lib.sh"
s3put -q --make-bucket
umask 077
MiB=1048576
for name in old new; do
    s3seal -q --keygen >"$name"
    sed -n 's/^# public key: //p' "$name" >"$name.pub"
done
# Not random, and not compressed: the same size in every run.
seq 6000000 | head -c $((40 * MiB)) >stream
s3seal -q -z none -R old.pub <stream >sealed
key=ember:home:0:2019-11-30
put=(s3put -q --host ember --date 2019-11-30)
receipt() { jq -c '[.key, .size, .class]'; }
keys() { s3ls -a -j --no-checksum 2>/dev/null | jq -r .key; }
# rewrap SOURCE S3PUT-WORD...: the one pipeline
rewrap() {
    local source=$1
    shift
    s3get --head 4M -k "$source" | s3seal --rewrap -i old -R new.pub | s3put -q --rest-of "$source" "$@"
}
opens() { s3get -k "$1" | s3seal -d -i "$2" -Z none | cmp - stream && echo "the whole stream, with the $2 key"; }

now 'to another key; the old one stays'
"${put[@]}" --meta made=by-hand --tag kind=home home 0 <sealed | receipt
rewrap "$key" -k other | receipt
opens other new
opens "$key" old
s3get -k other 2>/dev/null | s3seal -d -i old 2>&1 >/dev/null
cmp <(s3get -q -k other | tail -c $((40 * MiB))) <(tail -c $((40 * MiB)) sealed) && echo 'the same payload'

now 'it is what a whole run would have stored'
s3get -k "$key" | s3seal --rewrap -i old -R new.pub | s3put -q -k whole | jq -c .size >whole
s3ls -a -j --no-checksum 2>/dev/null | jq -c 'select(.key == "other").size' | cmp - whole && echo 'the same size'
s3get --verify -k other
ends

now 'in its own place, if that is said'
rewrap "$key"
ends
opens "$key" old
rewrap "$key" --overwrite | receipt
opens "$key" new
s3get --verify --host ember home 0
ends
s3put --rest-of "$key" --overwrite -n

now 'and once more, back to the old key'
s3get --head 4M -k "$key" | s3seal --rewrap -i new -R old.pub | s3put -q --overwrite --rest-of "$key" | receipt
opens "$key" old

now 'what exists stays, unless told'
rewrap "$key" -k other
ends
opens other new

now 'a small one goes through whole'
head -c 1000 stream | s3seal -z none -R old.pub | s3put -q -k small | receipt
rewrap small --overwrite | receipt
s3get -k small | s3seal -d -i new -Z none | cmp - <(head -c 1000 stream) && echo same

now 'two phases'
s3get --head 4M -k small | s3seal --rewrap -i new -R old.pub | s3put --rest-of small --overwrite --prepare >prepared
s3get -k small | s3seal -d -i new -Z none | cmp - <(head -c 1000 stream) && echo 'the old one'
jq 'has("replaces")' prepared
s3put --commit <prepared | receipt
s3get -k small | s3seal -d -i old -Z none | cmp - <(head -c 1000 stream) && echo 'the new one'
s3put --commit <prepared | receipt
s3get --head 4M -k small | s3seal --rewrap -i old -R new.pub | s3put --rest-of small --overwrite --prepare >prepared
head -c 1000 stream | s3put -q --overwrite -k small >/dev/null
s3put --commit <prepared
ends
s3put --abort <prepared
s3get -k small | cmp - <(head -c 1000 stream) && echo 'what came between stays'

now 'what does not fit is refused'
s3put -q --rest-of other -k no </dev/null
ends
s3get --head 4M -k other | s3put -q --rest-of small -k no
ends
s3get --head 4M -k other | s3put -q --rest-of whole -k yes | receipt
s3seal -q -z none -R old.pub <stream | head -c $((4 * MiB)) | s3put -q --rest-of other -k no 2>&1
ends
s3get --head 100 -k other | s3put -q --rest-of other -k no
ends
{ s3get --head 4M -k other; echo; } | s3put -q --rest-of other -k no
ends
{ s3get --head 4M -k other | head -c $((2 * MiB)); head -c $MiB stream; } | s3put -q --rest-of other -k no
ends
head -c $((65 * MiB)) /dev/zero | s3put -q --rest-of other -k no
ends
s3get --head 4M -k other | s3put -q --rest-of none -k no
ends
s3put -q --rest-of other -k no -- s3seal --rewrap -i new -R old.pub <sealed
ends
s3get --head 4M -k other | s3put -q --rest-of other -k no --expect age
ends
s3get --head 4M -k other | s3put -q --rest-of other -k no --resume
ends
s3get --range 0-1 --head 3 -k other
ends

now 'nothing else is left'
keys
s3ls -a --uploads
ends
