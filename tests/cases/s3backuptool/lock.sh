# needs: sqlite3 flock
# Two runs on one section: the second one ends at once, and says that it may be tried later. Other sections go on.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
mkdir other
section src
section other
tool initdb
{
echo 'one' >src/one
echo 'two' >other/two
exec 3>>db/src.lock
flock 3
for command in backup restore syncdb_remote update_s3_metadata; do
    tool -q --section src "$command"
    ends
done | uniq
now 'what it has there stays, also when somebody looks meanwhile'
mkdir db/.src.scratch.ABCABC
tool --section src stats | sed -n 2p
tool -q --section src list_remote >listed
ls -A db
now 'the other section goes on'
tool backup
ends
exec 3>&-
now 'and then this one'
tool backup
ends
now 'what is left of a run that was killed is removed'
mkdir db/.src.scratch.XYZXYZ
tool backup
ends
ls -A db
} 2>&1 | sed "s,$PWD,HERE,g"
