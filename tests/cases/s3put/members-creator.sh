# on: s3serve
# needs: jq
# A key that may only create is enough; it learns of what exists by being refused.

. "$CASES/lib.sh"
s3put -q --make-bucket
tree t
export AWS_ACCESS_KEY_ID=creator AWS_SECRET_ACCESS_KEY=creatorsecret
now "all of it is stored"
tar c --format=pax --sort=name -C t . | s3put --members ember >receipts
ends
wc -l <receipts
now "a second run is refused each of them, and stores what is new"
echo new >t/new
tar c --format=pax --sort=name -C t new hello a/link | s3put --members ember | jq -r .key
printf '%s\n' "${PIPESTATUS[*]}"
