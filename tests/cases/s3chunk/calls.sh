# s3chunk is called rightly, or not.

. "$CASES/lib.sh"
try() {
    echo "$ s3chunk $*"
    s3chunk "$@" </dev/null | wc -c
    echo "exit ${PIPESTATUS[0]}"
}

try --average 0
try --average 4095
try --average 65M
try --average much
try --fixed 4095
try --fixed 257M
try --fixed 1M --average 1M
try --numbered
try --numbered --fixed 1M --known k
try --numbered --fixed 1M --grace 30d
try --numbered --fixed 1M --members
try --full
try --grace 3h
try --grace 11y
try --grace soon
try -d --known k
try -d --average 1M
try --verify --list
try --list --files
try --learn k --known k
try --learn k -d
try --find home
try --find --tail t
try --tail t
try --tail t -d
try --tail t --verify home
try -d home
try home
try --files --tail t home
try --list --tail nowhere
try --no-such-option
[ -z "$(ls)" ] && echo 'and no file was made'
