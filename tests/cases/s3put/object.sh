# Storage class, metadata and tags are stored with the object.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

name=(--host ember --date "$day")
record() {
    jq -c '{class, metadata: (.metadata | with_entries(select(.key | startswith("s3pipes-") | not))), tags}' "$BUCKET_DIR/.s3pipes/meta/$1%o"
}

echo 'plain' | s3put "${name[@]}" plain 0 | jq -r .class
record ember:plain:0:"$day"

echo 'rich' | s3put "${name[@]}" -i --meta made-by=tar --meta 'note=a=b c' --tag 'kind=full dump' --tag 'who=ä&b' rich 0 | jq -r .class
record ember:rich:0:"$day"

echo 'cold' | s3put "${name[@]}" --storage-class DEEP_ARCHIVE cold 0 | jq -r .class
record ember:cold:0:"$day"
s3ls --host ember -j --no-checksum | jq -c '[.key, .class]'

now "what lies in an archive can't be read right away: try again later"
s3get --host ember cold 0
ends
