# on: file s3serve radosgw
# A sealed dump in several objects gets other recipients, and stays one dump: in its own place, and elsewhere.

. "$CASES/lib.sh"
s3put -q --make-bucket
umask 077
MiB=1048576
for name in old new; do
    s3seal -q --keygen >"$name"
    sed -n 's/^# public key: //p' "$name" >"$name.pub"
done
seq 6000000 | head -c $((26 * MiB)) >stream
key=ember:home:0:2019-11-30
put=(s3put -q --host ember --date 2019-11-30 --part-size 5M --max-object 10M)
rewrap() {
    local from=$1 to=$2 source=$3
    shift 3
    s3get --head 4M -k "$source" | s3seal --rewrap -i "$from" -R "$to.pub" | s3put -q --rest-of "$source" "$@" |
        jq -c '[.key, (.objects // [] | length)]'
}
opens() { s3get -k "$1" | s3seal -d -i "$2" -Z none | cmp - stream && echo "the whole stream, with the $2 key"; }
shown() { s3ls -a -j --no-checksum 2>/dev/null | jq -c '[.key, .pieces, .size, .flaw]'; }

s3seal -q -z none -R old.pub <stream | "${put[@]}" home 0 | jq -c '[.key, (.objects | length)]'
shown

now 'in its own place, twice: what continues it is not touched'
rewrap old new "$key" --overwrite
opens "$key" new
# A longer header: the first object is longer than those of its run may be.
cat old.pub new.pub >>both.pub
rewrap new both "$key" --overwrite
opens "$key" old
opens "$key" new
shown
s3get --verify -k "$key" --patience 0
ends

now 'to another key: all of it is copied'
rewrap old new "$key" -k film
opens film new
shown

now 'a dump that goes on in an empty object'
head -c $((6 * MiB)) stream | s3seal -q -z none -R old.pub >sealed
s3put -q -k full --max-object "$(stat -c %s sealed)" <sealed | jq -c '[.objects[].size]'
rewrap old new full -k filled
s3get -k filled | s3seal -d -i new -Z none | cmp -n $((6 * MiB)) - stream && echo same
rewrap old new full --overwrite
s3get -k full | s3seal -d -i new -Z none | cmp -n $((6 * MiB)) - stream && echo same
s3prune -q --delete --force -k full:1 >/dev/null 2>&1
s3get -k full >/dev/null
ends

now 'what continues another dump is not taken for it'
s3prune -q --delete --force -k film:1 >/dev/null 2>&1
s3get -k "$key:1" | s3put -q -k film:1 >/dev/null
s3get -k film >/dev/null
ends

now 'what continues a dump has no beginning of its own'
s3get --head 4M -k "$key" | s3put -q --rest-of "$key:1" -k no
ends

now 'one that is not whole is not copied'
s3prune -q --delete --force -k "$key:2" >/dev/null 2>&1
s3get --head 4M --prefix "$key" | s3seal --rewrap -i old -R new.pub >head
s3put -q --rest-of "$key" -k no <head
ends
s3ls -a --uploads
ends
