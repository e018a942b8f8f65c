# on: file s3serve radosgw
# A stream that s3chunk cut into numbered pieces is a dump of as many objects: KEY:0, KEY:1, and so on.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

MiB=1048576
seq 4000000 | head -c $((26 * MiB)) >stream
pieces() { s3chunk --fixed "$1" --numbered; }
receipt() { jq -c '[.key, .size, .parts, (.objects | map([.key, .size]))]'; }
objects() { s3ls -q -j --no-checksum --host ember "$@" | jq -c '[.key, .pieces, .size, .flaw]'; }

now 'three pieces; the checksum of the whole is that of the stream in one'
pieces 10M <stream | s3put --host ember /home 0 >receipt
ends
receipt <receipt
s3put -q -k one <stream | jq -r .crc64nvme >one
jq -r .crc64nvme receipt | cmp - one && echo same

now 'they come out as one: by date, by key, newest, and in a range across two'
s3get --host ember --date "$day" /home 0 | cmp - stream && echo same
s3get -k "ember:/home:0:$day" | cmp - stream && echo same
s3get -q --host ember /home 0 | cmp - stream && echo same
s3get --host ember --verify /home 0
ends
s3get --host ember --range $((10 * MiB - 5))-$((10 * MiB + 4)) /home 0 | cmp -n 10 -i 0:$((10 * MiB - 5)) - stream && echo same

now 'each is an object of its own'
s3get -k "ember:/home:0:$day:0" | cmp -n $((10 * MiB)) - stream && echo same
s3get -k "ember:/home:0:$day:2" | cmp -i 0:$((20 * MiB)) - stream && echo same

now 'it is listed as one'
s3ls -q --host ember /home
objects /home

now 'as much as goes into one piece, exactly two, and many small ones'
for size in 999 4096 8192 50000; do
    head -c $size stream >some
    pieces 4k <some | s3put --host ember "size-$size" 0 | jq -c '[.size, (.objects | length)]'
    s3get --host ember "size-$size" 0 | cmp - some && echo same
done

now 'the names are taken'
pieces 10M <stream | s3put --host ember /home 0
ends
pieces 10M <stream | s3put -k "ember:size:0:$day" --overwrite
ends
echo mine | s3put -q -k "ember:late:0:$day:2" >/dev/null
pieces 10M <stream | s3put --host ember late 0
ends
objects late
s3get --host ember late 0
ends

now 'what counts the pieces notices that the last one is gone'
s3prune -q --delete --force -k "ember:size-8192:0:$day:1" >/dev/null
objects size-8192
s3get --host ember size-8192 0
ends
s3get --host ember --date "$day" size-8192 0 | wc -c
s3get --prefix "ember:size-8192:0:$day" | wc -c
s3prune -q --keep-last 1 --delete
ends

now 'what somebody put behind the last one is none'
echo more | s3put -q -k "ember:size-50000:0:$day:13" >/dev/null
objects size-50000
s3get --host ember size-50000 0 | cmp - some && echo same

now 'a key that is not the name of a dump: its pieces are read by their prefix'
pieces 10M <stream | s3put -q -k film | receipt
s3get --prefix film: | cmp - stream && echo same
s3prune -q --delete --force -k film:1 >/dev/null
s3get --prefix film: | wc -c
printf '%s\n' "${PIPESTATUS[*]}"
s3get --prefix film: --head 5 | wc -c
printf '%s\n' "${PIPESTATUS[*]}"

now 'nothing unfinished is left'
s3ls --uploads -a
ends

now 'all pieces of a dump are removed together'
s3prune --delete --force -k "ember:/home:0:$day" 2>/dev/null
s3ls -q --host ember /home
ends
