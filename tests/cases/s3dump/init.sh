# init makes the bucket and tries it; again is no harm.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3dump init
ends
s3dump initialize -q
ends
s3dump -q -a list
ends
test -e "$BUCKET_DIR/.s3pipes/format"
ends
