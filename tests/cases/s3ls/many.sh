# More objects than one answer of the server holds: none is left out.

. "$CASES/lib.sh"
s3put -q --make-bucket
name=ember:n:0:2012-01-21
echo 'piece' | s3put -q -k seed | jq .size

# An object is a body and a record, as the page about the embedded store says; that many are made much faster like this.
record=$(<"$BUCKET_DIR/.s3pipes/meta/seed%o")
s3prune -q --delete -k seed
for number in {0..1099}; do
    echo 'piece' >"$BUCKET_DIR/$name:$number"
    echo "${record//seed/"$name:$number"}" >"$BUCKET_DIR/.s3pipes/meta/$name:$number%o"
done

s3ls -q -j --no-checksum --host ember | jq -c '[.key, .pieces, .size, .flaw]'
s3get --host ember --date 2012-01-21 n 0 | wc -l
s3prune -q --force --delete -k "$name"
s3ls -q --host ember
ends
