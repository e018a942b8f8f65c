# on: file s3serve radosgw
# A signal in the middle of an upload leaves nothing behind: no dump, and no parts that are paid for.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

begun() { s3ls -a --uploads -j 2>/dev/null | jq -es '.[0].bytes > 0' >/dev/null; }
mkfifo stream
for signal in TERM INT HUP; do
    s3put --host ember --date "$day" --part-size 5M /home 0 <stream &
    put=$!
    exec 3>stream
    # More than a part and a pipe hold: when it is written the upload has begun.
    head -c 20000000 /dev/zero >&3
    comes_true begun
    kill -s "$signal" "$put"
    wait "$put"
    ends
    exec 3>&-
    s3ls -a --uploads
    s3ls -a
    ends
done
