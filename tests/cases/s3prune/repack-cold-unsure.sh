# on: s3serve
# thaw: 1
# fault: CompleteMultipartUpload#6:deny
# fault: AbortMultipartUpload#2:deny
# The dump can't be replaced after its tail was, and what was to take its place can't be aborted, so that it might still
# come: the tail is not put back. The same command does it then.

. "$CASES/lib.sh"
s3put -q --make-bucket
data() { seq "$((200 - $1))" | xargs printf '%01024d'; seq 9001 "$((9000 + $1))" | xargs -r printf '%01024d'; }
dump() {
    data "$2" | s3chunk -q --fixed 4k --known known |
        s3put -q --storage-class GLACIER --host ember --date "2019-01-$1" home 0 | s3chunk -q --learn known >receipt
}
dump 01 0
dump 02 100
comes_true s3get -q --thaw --host ember --date 2019-01-02 home 0 >/dev/null 2>&1
tail() { s3get -q --raw -k ember:home:0:2019-01-02.tail; }
listed() { s3ls -q --host ember --chunks -j --no-checksum | jq -c '[.key, .class, .chunks.new, .chunks.needs, .chunks.health]'; }

tail >before
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
ends
tail | cmp -s - before || echo 'the new one'
listed
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
listed
tail | tar t
