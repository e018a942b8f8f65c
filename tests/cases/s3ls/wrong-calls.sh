# Every wrong call is told in one line and exits 2.

. "$CASES/lib.sh"
try() {
    echo "$ s3ls $*"
    s3ls "$@"
    ends
}

try -a --host ember
try --at 2019-01-01
try --chain
try --chain /home -a
try --chain /home --uploads
try --chain /home /home
try --no-checksum
try -j -0
try --cost --json
try --no-such-option
try -b nowhere
