# on: s3serve
# thaw: 1
# fault: CompleteMultipartUpload#6:deny
# fault: AbortMultipartUpload#2:deny
# The dump can't be replaced after its tail was, and what was to take its place can't be aborted, so that it might still
# come: the tail is not put back. The same command does it then.

. "$CASES/lib.sh"
. "$CASES/s3prune/lib.sh"
s3put -q --make-bucket
two_dumps

tail >before
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
ends
tail | cmp -s - before || echo 'the new one'
listed
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
listed
tail | tar t
