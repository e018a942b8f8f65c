# A server that takes conditions and ignores them, as garage does: s3put, which looks first, would not notice.
# on: s3serve
# fault: PutObject:blind
# fault: CompleteMultipartUpload:blind
# needs: curl
. "$CASES/lib.sh"
. "$CASES/s3probe/lib.sh"
plainly creating s3probe -q --admin-settings admin.keys
