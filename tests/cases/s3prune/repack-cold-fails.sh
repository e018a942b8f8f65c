# on: s3serve
# thaw: 1
# fault: CompleteMultipartUpload#6:deny
# The dump can't be replaced after its tail was: the tail is put back. The same command does it then.

. "$CASES/lib.sh"
. "$CASES/s3prune/lib.sh"
s3put -q --make-bucket
two_dumps

tail >before
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
ends
tail | cmp - before
listed
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
listed
tail | tar t
