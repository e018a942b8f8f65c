# What the cases of --repack in an archive class begin with.

# data N: bytes of which a dump with another N has all but the last N KiB.
data() { seq "$((200 - $1))" | xargs printf '%01024d'; seq 9001 "$((9000 + $1))" | xargs -r printf '%01024d'; }
# dump DAY N [OPTION]...: those, chunked, in the archive.
dump() {
    data "$2" | s3chunk -q --fixed 4k --known known |
        s3put -q --storage-class GLACIER "${@:3}" --host ember --date "2019-01-$1" home 0 | s3chunk -q --learn known >receipt
}
# tail: that of the second dump, as it is stored.
tail() { s3get -q --raw -k ember:home:0:2019-01-02.tail; }
# listed: what s3ls says of both.
listed() { s3ls -q --host ember --chunks -j --no-checksum | jq -c '[.key, .class, .chunks.new, .chunks.needs, .chunks.health]'; }

# two_dumps: one, and one that needs it, which was thawed.
two_dumps() {
    dump 01 0
    dump 02 100
    comes_true s3get -q --thaw --host ember --date 2019-01-02 home 0 >/dev/null 2>&1
}
