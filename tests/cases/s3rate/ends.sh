# s3rate is called rightly, and its reader stays; or not.

. "$CASES/lib.sh"
try() {
    echo "$ s3rate $*"
    echo 'data' | s3rate "$@"
    ends
}

try fast
try -1
try 0.1
try 1x
try ''
try '300k,'
try 'Mon 300k'
try 'Someday 08:00-18:00 300k, 5M'
try 'Mon-Fri 08:00-25:00 300k, 5M'
try --burst 0 300k
try --burst much 300k
try 300k 400k
try --no-such-option

now 'a reader that went away'
seq 1000000 | s3rate | head -n 1
echo "exit ${PIPESTATUS[1]}"
now 'a disk that is full'
echo 'data' | s3rate >/dev/full
ends
