# The whole line, with s3chunk: what the next dump refers to is there, and a dump that comes too late isn't stored.

. "$CASES/lib.sh"
s3put -q --make-bucket
# came KEY TIME: as if the server had taken it in then
came() {
    record=$BUCKET_DIR/.s3pipes/meta/$1%o
    jq -c --arg time "$2" '.modified = $time' "$record" >changed && mv changed "$record"
}
# data N: 200 pieces of 1,024 bytes, of which N are different from those of data 0
data() { seq "$((200 - $1))" | xargs printf '%01024d'; seq 9001 "$((9000 + $1))" | xargs -r printf '%01024d'; }
# dump DAY N [OPTION]...: a dump of that day
dump() {
    local day=$1 changed=$2
    shift 2
    data "$changed" | s3chunk -q --fixed 4k --known known "$@" |
        s3put -q --host ember --date "2019-01-$day" home 0 | s3chunk -q --learn known >receipt
    jq -c '[.key, .chunks.new, .chunks.total]' receipt
    came "$(jq -r .key receipt)" "2019-01-${day}T12:00:00.000Z"
}
plan() { s3prune --host ember "$@" 2>&1 >/dev/null | sed -n 's/^\(keep\|remove\) *\([^ ]*\) .*[0-9][k.]*  /\1 \2: /p'; }

dump 01 0
dump 02 8
dump 03 9
dump 04 9 --full
dump 05 10

now 'they stay with what they need'
plan --keep-last 1
plan --keep-last 3
plan --keep-monthly 1

now 'the chain before the last full one goes as a whole'
s3prune -q --host ember --keep-last 2 --delete
s3ls -q --host ember --chunks -j --no-checksum | jq -c '[.key, .chunks.needs, .chunks.health]'

now 'lately it would all have stayed: somebody might be about to refer to it'
came ember:home:0:2019-01-05 "$(date -u +%FT%TZ)"
plan --keep-last 1 --trust-dates
