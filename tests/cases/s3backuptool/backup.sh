# on: file s3serve
# needs: sqlite3 jq
# A tree is stored file by file, and only what has changed is stored again; it comes back as it was.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
{
now 'the database is made by hand, so that nobody loses it without noticing'
tool backup
ends
tool initdb
ends
tool initdb
ends
now 'nothing is there yet'
tool backup
ends
tree src
now 'everything is new'
tool backup
ends
stored
rows 'filetype, perm_mode, size, mtime, filepath'
now 'nothing has changed: nothing is stored'
as_it_is >before
tool -v backup
ends
as_it_is | cmp - before && echo untouched
now 'one file has changed, one is new, one is gone'
echo 'more' >>src/a/numbers
echo 'new' >src/a/b/c/new
rm src/a/with\ space
tool backup
ends
stored | grep -c .
s3get -q -k "src$PWD/src/a/b/c/new"
now 'what the original counted'
tool stats | sed '$d'
tool list_remote
now 'the way back'
tool restore --yes --to out
ends
same src "out$PWD/src"
now 'a file with the time and the size that it had, and another content'
printf 'HELLO\n' >src/hello
touch -d '2024-01-01 00:00:00Z' src/hello
tool -q backup
s3get -q -k "src$PWD/src/hello"
} 2>&1 | sed "s,$PWD,HERE,g"
