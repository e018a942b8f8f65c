# Every wrong call is told in one line and exits 2.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)
echo 'data' | s3put -q --host ember --date "$day" /home 0 | jq .size
echo 'data' | s3put -q -k k | jq .size

try() {
    echo "$ s3get $*"
    s3get "$@"
    ends
}

try
try /home
try /home 0 more
try -k k /home 0
try -k k --host ember
try --prefix k --date "$day"
try --acl --range 0-1 -k k
try --acl --verify -k k
try --verify --range 0-1 -k k
try --part-size none -k k
try --parallel 256 -k k
try -b nowhere -k k
try --no-such-option
