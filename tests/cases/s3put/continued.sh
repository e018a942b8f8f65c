# on: file s3serve radosgw
# A stream longer than an object may be goes on in further objects. Together they are one dump.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

MiB=1048576
put=(s3put --host ember --date "$day" --part-size 5M --max-object 10M)
# Not random: the same bytes in every run, and no two objects alike.
seq 4000000 | head -c $((26 * MiB)) >stream
receipt() { jq -c '[.key, .size, .parts, (.objects // [] | map([.key, .size, .parts]))]'; }

now 'one byte less than an object holds, exactly as much, and one byte more'
for size in $((10 * MiB - 1)) $((10 * MiB)) $((10 * MiB + 1)); do
    head -c "$size" stream >some
    "${put[@]}" "size-$size" 0 <some | receipt
    s3get --host ember "size-$size" 0 | cmp - some && echo same
done

now 'two objects that are full, and then nothing'
head -c $((20 * MiB)) stream | "${put[@]}" -q full 0 | receipt
s3get --host ember full 0 | cmp -n $((20 * MiB)) - stream && echo same

now 'three objects; the checksum of the whole is that of the stream in one'
"${put[@]}" -q /home 0 <stream >receipt
receipt <receipt
s3put -q -k one --part-size 7M <stream | jq -r .crc64nvme >one
jq -r .crc64nvme receipt | cmp - one && echo same
s3get --host ember --verify /home 0
ends

now 'by date, by key, a range across two objects, and the second object alone'
s3get --host ember --date "$day" /home 0 | cmp - stream && echo same
s3get -k "ember:/home:0:$day" | cmp - stream && echo same
s3get --host ember --range $((10 * MiB - 5))-$((10 * MiB + 4)) /home 0 | cmp -n 10 -i 0:$((10 * MiB - 5)) - stream && echo same
s3get -k "ember:/home:0:$day:1" | cmp -n $((10 * MiB)) -i 0:$((10 * MiB)) - stream && echo same
s3get --prefix "ember:/home:0:$day" | cmp - stream && echo same

now 'a key that is not the name of a dump'
s3put -q -k film --part-size 5M --max-object 10M <stream | receipt
s3get -k film | cmp - stream && echo same

now 'it is listed as one'
s3ls -q --host ember /home
s3ls -q --host ember -j --no-checksum /home | jq -c '[.key, .pieces, .size, .etag, .flaw]'

now 'nothing unfinished is left'
s3ls --uploads -a

now 'an access control list is set on all of it'
s3get --acl -k "ember:/home:0:$day" >acl
s3put -v --acl --dry-run --host ember /home 0 <acl
s3put --acl --host ember /home 0 <acl
ends

now 'all of it is removed'
s3prune --delete --force -k "ember:/home:0:$day" 2>/dev/null
s3ls -q --host ember /home
ends
