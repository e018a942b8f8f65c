# on: file s3serve radosgw
# A signal at the very moment when an upload begins leaves nothing behind either.

. "$CASES/lib.sh"
s3put -q --make-bucket
mkfifo stream
for number in 0 1 2 3 4 5 6 7 8 9; do
    s3put --host ember --date 2019-11-30 --part-size 5M /home "$number" <stream 2>/dev/null &
    put=$!
    exec 3>stream
    # When this is written the first part is full, and its upload is about to begin.
    head -c 9000000 /dev/zero >&3
    kill "$put"
    wait "$put"
    ends
    exec 3>&-
done
s3ls -q -a
s3ls -a --uploads
ends
