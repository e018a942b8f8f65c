# More objects than one answer of the server holds: all of them are listed, cleaned, and deleted.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
name=ember:fs0:0:$day1
echo 'data' | s3dump -q -k "$name" dump

# An object is a body and a record, as the page about the embedded store says; that many are made much faster like this.
record=$(<"$BUCKET_DIR/.s3pipes/meta/$name%o")
for number in {1..1009}; do
    copy=ember:fs$number:0:$day1
    echo 'data' >"$BUCKET_DIR/$copy"
    echo "${record//"$name"/"$copy"}" >"$BUCKET_DIR/.s3pipes/meta/$copy%o"
done
for date in "$day2" "$day3"; do echo "$date" | s3dump -q -h ember -w "$date" dump zz 0; done
{
s3dump -h ember list | grep -c '    Level 0'
s3dump -h ember clean 1
s3dump -h ember -w "$day1" delete fs1009 0
s3dump -h ember list | grep -c '    Level 0'
} 2>&1 | plainly
