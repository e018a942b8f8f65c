# on: file s3serve
# --dry-run reads nothing, stores nothing, and tells what a real run would meet.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

name=(--host ember --date "$day")

{ echo 'data'; } | { s3put -n "${name[@]}" /home 0; ends; cat; }
s3ls --host ember
ends

echo 'data' | s3put -q "${name[@]}" /home 0 | jq .size
s3put -n "${name[@]}" /home 0 </dev/null
ends
s3put -n --overwrite "${name[@]}" /home 0 </dev/null
ends
s3put -n --make-bucket
ends
