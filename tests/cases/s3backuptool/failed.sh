# on: s3serve
# needs: sqlite3 jq
# fault: PutObject#3:deny
# fault: PutObject#4:deny
# What could not be stored is not recorded as stored: the next run stores it. As long as something could not be stored nothing
# is deleted, since what is gone here may be what is new there.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src 'max_delete = 90%'
tool initdb
{
now 'the folder alone'
tool -q backup
ends
rows
now 'its next version, and what is new in it, are refused'
echo 'precious' >src/file
tool -q backup
ends
rows
stored
now 'the next run'
tool -q backup
ends
rows
s3get -q -k "src$PWD/src/file"
} 2>&1 | sed "s,$PWD,HERE,g; s,could not store srcHERE[^:]*,could not store KEY,"
