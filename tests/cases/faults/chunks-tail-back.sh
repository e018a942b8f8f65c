# A dump that fails at its last request takes its tail back.
# on: s3serve
# fault: CompleteMultipartUpload#2:error=400,InvalidRequest
. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
alone "$one" | s3put -k cold --storage-class GLACIER
ends
grep -c '^DeleteObject ' "$LOG"
s3ls -a -j --no-checksum | jq -r .key
s3ls -a --uploads
ends
