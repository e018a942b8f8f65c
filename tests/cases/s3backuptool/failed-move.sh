# on: s3serve
# needs: sqlite3 jq
# fault: PutObject#4:deny
# fault: PutObject#5:deny
# A file is moved, and can't be stored under its new name: it stays stored under the old one.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src 'max_delete = 90%'
tool initdb
{
echo 'precious' >src/old
tool -q backup
ends
mv src/old src/new
tool backup
ends
stored
tool backup
ends
stored
} 2>&1 | sed "s,$PWD,HERE,g; s,could not store srcHERE[^:]*,could not store KEY,"
