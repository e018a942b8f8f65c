# on: file s3serve
# needs: sqlite3 jq
# A restore as people do it: questions, and the small shell in which they select.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
tool initdb
tree src
chmod 600 src/hello
tool -q backup
here=$PWD/src
# answer LINE...: what somebody types
answer() { printf '%s\n' "$@"; }
# when: leaves out when it was
when() {
    sed 's/at: [0-9-]* [0-9:]*/at: TIME/; s/  2[0-9-]* [0-9:]*  /  TIME  /'
}
set -o pipefail
{
now 'no'
answer n | tool restore
ends
now 'selected'
answer maybe yes "$PWD/out" n n select help ls pwd 'cd a' 'cd nowhere' 'select with space' 'select b' 'select b/c' \
    'cd ..' 'select hello' show 'unselect hello' 'select nothing' frobnicate 'select a/numbers' 'select a' show 'unselect a' \
    'select a/b' 'select /src'"$here/hello" finish | tool restore | when
ends
(cd "out$here" && find . | LC_ALL=C sort)
now 'what exists is replaced only if that was the answer'
echo 'mine' >"out$here/hello"
chmod 777 "out$here/hello"
answer y "$PWD/out" n n db | tool restore
ends
cat "out$here/hello"
now 'permissions only'
answer y n y "$PWD/out" n y db | tool restore | when
ends
cat "out$here/hello"
stat -c %a "out$here/hello"
now 'going on with an earlier one, which keeps what it was told'
sqlite3 db/src.db "SELECT count(*) FROM sqlite_master WHERE name LIKE 'restore_files_%'"
answer y 1 | tool restore | when
ends
now 'replaced'
answer y n y "$PWD/out" y db | tool restore | when
ends
same src "out$here"
now 'no answers'
tool restore </dev/null
ends
} 2>&1 | sed "s,$PWD,HERE,g"
