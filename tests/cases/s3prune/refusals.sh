# Without knowing what to keep s3prune does nothing, and a wrong call exits 2.

. "$CASES/lib.sh"
s3put -q --make-bucket
echo 'data' | s3put -q --host ember --date 2019-01-01 /home 0 >/dev/null
try() {
    echo "$ s3prune $*"
    s3prune --trust-dates "$@" </dev/null
    ends
}

try
try --delete
try -a --delete
try --keep-last 0
try --keep-last 0 --keep-daily 0 --delete
try --keep-last -1
try --keep-last many
try --keep-within 0d
try --keep-within 30
try --per-level
try --per-level --keep-within 30d
try --keep-last 1 -k x
try --keep-last 1 -
try --keep-last 1 --force
try --keep-last 1 -a --host ember
try /home
try /home 0
try --host ember /home 0 --date never
try -a /home 0 --date 2019-01-01
try -j -0 --keep-last 1
s3ls -q -a -0 | tr '\0' '\n'
