# A known file is trusted while the grace lasts, and no longer.

. "$CASES/lib.sh"
. "$CASES/s3chunk/lib.sh"
noise 1 500000 >a
ago() { echo $(($(date +%s) - $1 * 3600)); }
# begun HOURS [OPTION]...: makes a known file whose dump was begun so long ago
begun() {
    local hours=$1
    shift
    rm -f k*
    s3chunk -q --known k --fixed 100k "$@" <a >stream
    receipt "$(id <stream)" "$(ago "$hours")" | s3chunk --learn k >/dev/null
}
again() { s3chunk -v --known k --fixed 100k "$@" <a 2>&1 >next | sed 's/ on [0-9TZ:-]*,/ THEN,/'; }

begun 0
again
echo $(($(tar xOf next refs | sed -n 's/^until //p') - $(date +%s) > 30 * 86400 - 3700))

now 'three quarters of 30 days'
begun $((22 * 24))
again
begun $((23 * 24))
again
now 'the shorter grace counts, whichever it is'
begun $((23 * 24)) --grace 40d
again
again --grace 40d
tar xOf next refs | grep grace
begun $((23 * 24))
again --grace 40d
begun 20
again --grace 1d
tar xOf next refs | grep grace
begun 20 --grace 1d
again
now 'a clock that was wrong'
begun -2
again
begun -1
again
now 'what was learned in the future is forgotten'
begun -2
s3chunk -q --known k --fixed 100k <a >stream
receipt "$(id <stream)" "$(ago 0)" | s3chunk --learn k >/dev/null
ends
again

now 'pending files go when nobody may trust them any more'
begun 0
s3chunk --known k --fixed 100k <a >/dev/null
ls k.pending-* | wc -l
touch -d '29 days ago' k.pending-*
s3chunk --known k --fixed 100k <a >/dev/null
ls k.pending-* | wc -l
touch -d '31 days ago' k k.pending-*
s3chunk --known k --fixed 100k <a >/dev/null
ls k.pending-* | wc -l
again
