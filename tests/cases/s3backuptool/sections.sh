# on: file s3serve radosgw
# needs: sqlite3 jq
# Several sections in one bucket, one the beginning of the other's name: the original listed and restored both as one.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
mkdir home home2
section home
section home2
{
echo 'one' >home/one
echo 'two' >home2/two
tool initdb
tool backup
ends
stored
now 'listed apart'
tool --section home list_remote
tool --section home syncdb_remote
sqlite3 db/home.db 'SELECT filepath FROM files'
now 'restored apart'
tool --section home restore --yes --to out --source s3
find out -type f
now 'one fails, the other goes on'
rm -r home
echo 'three' >home2/three
tool backup
ends
stored
} 2>&1 | sed "s,$PWD,HERE,g"
