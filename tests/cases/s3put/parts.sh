# on: file s3serve radosgw
# A long stream is stored in parts, and nobody can tell from the outside.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

name=(--host ember --date "$day")
MiB=1048576
check() {
    head -c "$1" stream >part-of-it
    s3put "${name[@]}" "${@:3}" "$2" 0 <part-of-it | jq -c '[.key, .size, .parts]'
    s3get --host ember "$2" 0 | cmp - part-of-it && echo same
}

# Not random: the same bytes in every run, and no two parts alike.
seq 6000000 | head -c $((41 * MiB)) >stream

check $((16 * MiB)) exactly-one-part
check $((16 * MiB + 1)) one-byte-more
check $((32 * MiB)) exactly-two-parts
check $((40 * MiB)) many-small-parts --part-size 5M --parallel 8
check $((40 * MiB + 1)) one-at-a-time --part-size 5M --parallel 1 --memory 10M

now 'the checksum of the whole does not depend on how it was cut'
s3put "${name[@]}" cut 0 <stream | jq -r .crc64nvme >first
s3put "${name[@]}" --part-size 7M cut 1 <stream | jq -r .crc64nvme >second
cmp first second && echo same
ends
