# Dumps that refer to others: what is needed stays, and for the grace what a dump may need that is being made.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
# came KEY TIME: as if the server had taken it in then
came() {
    record=$BUCKET_DIR/.s3pipes/meta/$1%o
    jq -c --arg time "$2" '.modified = $time' "$record" >changed && mv changed "$record"
}
# on_time KEY: as if it had been taken in on the day that it names
on_time() { came "$1" "${1##*:}T12:00:00.000Z"; }
store() { s3put -q -k "$1" >/dev/null && on_time "$1"; }
plan() {
    echo "$ s3prune $*"
    s3prune --host ember "$@"
    ends
}
four=$(printf '4%.0s' {1..32})
plain=ember:home:0:2018-12-31
full=ember:home:0:2019-01-01
next=ember:home:0:2019-01-02
last=ember:home:0:2019-01-04
head -c 5120 /dev/zero | store $plain
alone "$one" | store $full
referring "$two" "$S3_BUCKET" "$(later)" "$one" $full | store $next
alone "$three" | store $last

now 'a dump goes together with what only it needs, and before it'
plan --keep-last 1
plan --keep-last 2

now 'another host needs some of it'
referring "$four" "$S3_BUCKET" "$(later)" "$one" $full | store wren:home:0:2019-01-03
plan --keep-last 1
s3prune -q -k $full
ends
s3prune -q --host wren --keep-last 1
ends

now 'so does something that is no dump'
referring "$four" "$S3_BUCKET" "$(later)" "$one" $full "$two" $next | s3put -q -k notes >/dev/null
plan --keep-last 1
s3prune -q -k $next
ends
s3prune -q -k notes
ends
s3prune -q --delete --no-grace -k notes
ends

now 'what was the newest of its set until now may be referred to by a dump that is being made'
came $last "$(date -u +%FT%TZ)"
plan --keep-last 1 --trust-dates
plan --keep-last 1 --trust-dates --no-grace
s3prune -q --trust-dates -k $next
ends
s3prune -q --trust-dates --no-grace -k $next
ends

now 'no dump may be promised more than it gets'
plan --keep-last 1 --trust-dates --grace 29d

now 'two that came at once are both the newest'
on_time $last
came $next 2019-01-04T12:00:00.000Z
plan --keep-last 1
on_time $next

now 'where it cannot be told what is needed nothing goes'
alone "$two" | s3put -q --storage-class GLACIER -k wren:home:0:2019-01-05 >/dev/null
plan --keep-last 1 | tail -n 3
s3prune -q --delete --force -k wren:home:0:2019-01-05.tail
plan --keep-last 1
s3prune -q --host ember --keep-last 1 --no-refs --trust-dates
ends
s3prune -q --delete --force -k wren:home:0:2019-01-05
ends

now 'named with what needs it, it goes'
s3prune -q --delete -k wren:home:0:2019-01-03
ends
s3prune -q --delete --force -k wren:home:0:2019-01-03
ends
printf '%s\n' $full $next | s3prune -q --delete -
ends
s3ls -q -a -0 | tr '\0' '\n'
