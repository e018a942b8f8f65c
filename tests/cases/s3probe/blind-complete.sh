# A server that ignores the condition on one request of the two: s3probe says on which.
# on: s3serve
# fault: CompleteMultipartUpload:blind
# needs: curl
. "$CASES/lib.sh"
. "$CASES/s3probe/lib.sh"
plainly creating s3probe -q --admin-settings admin.keys
