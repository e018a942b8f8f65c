# on: s3serve
# thaw: 1
# fault: CompleteMultipartUpload#6:deny
# fault: CompleteMultipartUpload#7:error=503,SlowDown
# The dump can't be replaced after its tail was, and the server is busy when the tail is put back: that is tried again.

. "$CASES/lib.sh"
. "$CASES/s3prune/lib.sh"
s3put -q --make-bucket
two_dumps

tail >before
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
ends
tail | cmp - before && echo 'put back'
