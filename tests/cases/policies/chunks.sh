# Deduplicated dumps under the three policies: the writer needs no more than to write, the reader to list and read, and
# who removes must be let read, as doc/policies/README.md says.
# on: radosgw
# needs: curl jq openssl
. "$CASES/lib.sh"
. "$CASES/policies/lib.sh"
PATH=$(cd "$CASES/../../recipes" && pwd):$PATH
export XDG_STATE_HOME=$PWD/state TMPDIR=$PWD
mkdir home
seq 300000 >home/numbers
# dump N [OPTION]: as the writer, who learns from the receipt alone
dump() {
    tar -C home --mtime=2024-01-01 -cf - . | s3chunk -q --average 64k --known known "${@:2}" |
        other s3put -q --grant-owner --host h --date "$(date -u +%F)T0${1}0000Z" home 0 | s3chunk -q --learn known |
        jq -c '[.chunks.total == .chunks.new, .chunks.objects]'
}
apply write-only.json
now 'it stores, and leaves out what is there'
dump 1
echo more >home/more
dump 2
now 'it begins anew'
dump 3 --full

apply restore-only.json
now 'it restores, all and some of it, and drills'
second=$(s3ls -q --host h -0 | tr '\0' '\n' | grep T02)
other s3get -q -k "$second" | s3chunk -d | tar xO ./numbers | cmp - home/numbers && echo same
other s3get -q --tail -k "$second" | tar t
other s3get -q --chunks 0 -k "$second" | tar t | wc -l
other s3drill -q -k "$second" -- diff -r . "$PWD/home" | jq -c '[.result, .dumps[0].proven]'

now 'it removes nothing of which it can not see what needs it'
apply prune-only.json
other s3prune -q --host h --keep-last 1 --no-grace --delete
ends
now 'and lets go what nothing needs'
cp "$POLICIES/prune-only.json" .
block 'test chunks' >change
. ./change
POLICIES=$PWD apply prune-chunks.json
other s3prune -q --host h --keep-last 1 --no-grace --delete
ends
now 'of that document the rest holds'
echo new | other s3put -k new
ends
s3ls -q --host h --chunks -j | jq -c '[.key, .chunks.health]'
