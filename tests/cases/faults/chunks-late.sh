# The moment passes while the last request is tried again: the next attempt is not made.
# on: s3serve
# fault: CompleteMultipartUpload:slowdown
. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
alone "$one" | s3put -q -k one >/dev/null
referring "$two" "$S3_BUCKET" "$(($(date +%s) + 3))" "$one" one | s3put -q -k late
ends
stored
s3ls -a --uploads
ends
