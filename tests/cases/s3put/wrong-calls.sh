# Every wrong call is told in one line and exits 2; nothing is stored.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

try() {
    echo "$ s3put $*"
    echo 'data' | s3put "$@"
    ends
}

try
try /home
try /home 0 more
try -k ''
try -k x /home 0
try -k x --date "$day"
try -k x --random
try --no-such-option /home 0
try -L fast /home 0
try --part-size 4M /home 0
try --part-size lots /home 0
try --parallel 0 /home 0
try --meta nothing /home 0
try --tag =x /home 0
try -i --storage-class GLACIER /home 0
try -q -v /home 0
try --make-bucket /home 0
try -b backups /home 0
try -b ftp://host/x /home 0
try -b s3:// /home 0
try -b file://srv/x /home 0
try -b file:///srv/../etc /home 0
(unset S3_BUCKET; try /home 0)

s3ls -a
ends
