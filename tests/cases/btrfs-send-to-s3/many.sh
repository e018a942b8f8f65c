# needs: flock pkill
# More dumps than one answer of the server holds: the chain has all of them, in order.

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
s3put -q --make-bucket
echo 'dump' | s3put -q -k seed | jq .size

# An object is a body and a record, as the page about the embedded store says; that many are made much faster like this.
record=$(<"$BUCKET_DIR/.s3pipes/meta/seed%o")
s3prune -q --delete -k seed
for number in {0..1099}; do
    TZ=UTC printf -v key 'h:daily:%s:%(%Y-%m-%dT%H%M%SZ)T' "$number" "$((EPOCHSECONDS - 2000 + number))"
    echo 'dump' >"$BUCKET_DIR/$key"
    echo "${record//seed/"$key"}" >"$BUCKET_DIR/.s3pipes/meta/$key%o"
done

btrfs-send-to-s3 list -b "$S3_BUCKET" -e daily --chain >chain
cut -d : -f 3 chain | cmp - <(seq 0 1099) && wc -l <chain
