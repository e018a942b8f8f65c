# A look that fails for another reason than the key's rights leaves nothing stored.
# on: s3serve
# fault: HeadObject#2-:slowdown
. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
referring "$two" "$S3_BUCKET" "$(later)" "$one" other | s3put --patience 0 -k busy
ends
s3ls -a --uploads
ends
