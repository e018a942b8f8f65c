# on: s3serve
# thaw: 1
# fault: CompleteMultipartUpload#6-7:deny
# Neither can the dump be replaced nor the old tail be put back, as if the run had been killed there: as long as the dump can be
# read, it is read by itself, and the same command mends it.

. "$CASES/lib.sh"
. "$CASES/s3prune/lib.sh"
s3put -q --make-bucket
two_dumps

s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
ends
s3get -q --host ember --date 2019-01-02 home 0 | s3chunk -q -d | cmp - <(data 100)
listed
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
listed
tail | tar t
