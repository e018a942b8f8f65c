# A server that refuses for good isn't asked for long, and nothing is left behind.
# on: s3serve
# fault: UploadPart#2-:error=403,AccessDenied
. "$CASES/lib.sh"
seq 4000000 | s3put -q -k large --part-size 5M --parallel 1
ends
s3ls --uploads -a
ends
s3ls -a
ends
