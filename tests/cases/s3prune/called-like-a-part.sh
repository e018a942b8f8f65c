# A chunk stream that another program stored under the key of a part is asked what it needs, whatever is planted beside it.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
alone "$one" | s3put -q -k needed >/dev/null
referring "$two" "$S3_BUCKET" "$(later)" "$one" needed | s3put -q -k other >/dev/null
for key in x:1 x.tail; do
    copied other "$key"
    s3prune -q --delete --force -k other
    echo plain | s3put -q -k x >/dev/null
    s3prune -q --no-grace -k needed
    ends
    s3get -q -k "$key" | tar t
    copied "$key" other
    s3prune -q --delete --force -k "$key"
    s3prune -q --delete --force -k x
done
