# on: s3serve
# needs: sqlite3 jq
# A restore goes on where it was broken off, file by file.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
tool initdb
for name in one two three; do seq 1000 >"src/$name"; done
tool -q backup
# read_again: the members that were fetched since the last time
read_again() {
    tail -n +$((${seen:-0} + 1)) "$LOG" | grep '^GetObject ' | grep -oE 'src/(one|two|three)\b' | sort -u
    seen=$(wc -l <"$LOG")
}
{
now 'something is in the way'
mkdir -p "out$PWD/src/two/in the way"
tool restore --yes --to out
ends
read_again
now 'it is still there'
tool restore --yes --to out --overwrite
ends
read_again
now 'out of the way: only what is missing is fetched'
rm -r "out$PWD/src/two"
tool restore --yes --to out
ends
read_again
same src "out$PWD/src"
now 'broken off in the middle of a file, which tar leaves with the time of that moment'
head -c 100 src/three >"out$PWD/src/three"
tool restore --yes --to out
ends
tool restore --yes --to out --overwrite
ends
read_again
same src "out$PWD/src"
now 'nothing is left of the sessions'
sqlite3 db/src.db .tables
} 2>&1 | sed "s,$PWD,HERE,g; s,${PWD#/},HERE,g"
