# Wrong calls, and the environments in which it is run.

. "$CASES/lib.sh"
. "$CASES/s3drill/lib.sh"
s3put -q --make-bucket
try() {
    now "$*"
    s3drill "$@"
    ends
}
try
try one two
try home -k key
try -k key --at 2019-01-01
try home --at
try home --restore ''
try home -x
try home --raw
try home --raw --restore cat -i key
s3drill --help | head -n 1

mkdir src
echo data >src/file
tar -C src -c . | s3put -q --host ember --date 2019-01-01 src 0 >/dev/null
recipe=$(command -v s3drill)
tools=$(dirname "$(command -v s3put)")
now 'from cron'
env -i PATH="/usr/bin:/bin:$tools" XDG_STATE_HOME="$PWD/state" S3_BUCKET="$S3_BUCKET" TMPDIR="$PWD/room" \
    "$recipe" -q --host ember src -- cat file | jq -c .result
now 'from systemd'
env -i PATH="/usr/bin:/bin:$tools" STATE_DIRECTORY="$PWD/systemd" "$recipe" -q -b "$S3_BUCKET" --scratch room --host ember src | jq -c .result
ls systemd
now 'without a bucket'
env -i PATH="/usr/bin:/bin:$tools" "$recipe" src
ends
