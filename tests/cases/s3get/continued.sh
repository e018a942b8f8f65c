# on: file s3serve radosgw
# What continues a dump must be there, and be its own: a shorter stream is an error, and so is another's.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

MiB=1048576
put=(s3put -q --host ember --date "$day" --part-size 5M --max-object 5M)
seq 4000000 | head -c $((12 * MiB)) >stream
key=ember:/home:0:$day
remove() { s3prune -q --delete --force -k "$1" >/dev/null 2>&1; }
look() {
    s3get "$@" >out
    ends
    wc -c <out
}

"${put[@]}" /home 0 <stream | jq -c '[.objects[].key]'

now 'without its last object'
remove "$key:2"
look -k "$key"
look --host ember /home 0
s3ls --host ember /home
s3get --prefix "$key" | cmp -n $((10 * MiB)) - stream && echo 'what is there is the beginning'

now 'with something else in its place'
tail -c $((2 * MiB)) stream | s3put -q -k "$key:2" >/dev/null
look -k "$key"
s3ls -q --host ember -j --no-checksum /home | jq -c '[.key, .pieces, .size, .flaw]'

now 'with what continues another dump in its place'
remove "$key:2"
remove "$key:1"
"${put[@]}" /srv 0 <stream >/dev/null
s3get -k "ember:/srv:0:$day:1" | s3put -q -k "$key:1" >/dev/null
look -k "$key"

now 'a policy does not remove what is not whole'
s3prune --host ember --keep-last 1 --delete

now 'pieces beside a dump that is not full are none of its own'
echo 'good' | s3put -q --host ember --date "$day" small 0 >/dev/null
echo 'EVIL' | s3put -q -k "ember:small:0:$day:1" >/dev/null
s3get --host ember small 0
ends
