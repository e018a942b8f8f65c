# on: file s3serve
# A storage class is told in the receipt and shown by s3ls.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

name=(--host ember --date "$day")
echo 'plain' | s3put "${name[@]}" plain 0 | jq -r .class
echo 'rare' | s3put "${name[@]}" -i rare 0 | jq -r .class
echo 'cold' | s3put "${name[@]}" --storage-class GLACIER cold 0 | jq -r .class
s3ls --host ember -j --no-checksum | jq -r '[.fs, .class] | join(" ")'
echo 'odd' | s3put "${name[@]}" --storage-class NO_SUCH_CLASS odd 0
ends
s3get --host ember cold 0
ends
