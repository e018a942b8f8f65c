# on: file s3serve
# needs: sqlite3 jq
# Deletions: what is gone is deleted, but an unmounted source wipes nothing.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
tool initdb
mkdir src/sub
for i in {1..20}; do echo "$i" >"src/sub/$i"; done
tool -q backup
{
now 'two of twenty-two may go'
rm src/sub/1 src/sub/2
tool backup -q
ends
stored | grep -c .
now 'a tenth is the limit'
rm src/sub/3 src/sub/4 src/sub/5
echo 'new' >src/new
tool backup
ends
stored | grep -c .
rows 'count(*)'
now 'what is new was stored all the same; and more may go if somebody says so'
s3get -q -k "src$PWD/src/new"
tool backup --max-delete 3
ends
stored | grep -c .
now 'unmounted: the folder is there, and empty'
mv src mounted
mkdir src
tool backup
ends
stored | grep -c .
now 'unmounted: the folder is not there'
rmdir src
tool backup
ends
stored | grep -c .
now 'mounted again: nothing is stored again, but for the folder that was another'
mv mounted src
tool backup
ends
now 'the limit may stand in the configuration'
rm src/sub/6 src/sub/7 src/sub/8
echo 'max_delete = 50%' >>conf
tool -q backup
ends
stored | grep -c .
now 'the whole of it, if that is meant'
rm -r src/*
tool -q backup --max-delete 100%
ends
stored
now 'a configuration that keeps what was there'
echo 'kept' >src/kept
tool -q backup
rm src/kept
echo 'delete_removed_files = False' >>conf
tool -q backup
ends
s3get -q -k "src$PWD/src/kept"
} 2>&1 | sed "s,$PWD,HERE,g"
