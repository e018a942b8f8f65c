# on: s3serve
# needs: sqlite3 jq
# The same bucket on another server is another one: what is stored in the one is not in the other.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
tool initdb
{
echo 'one' >src/one
tool -q backup
ends
now 'a name of the server that it did not have, which is all that can be told'
echo "endpoint_url = ${AWS_ENDPOINT_URL_S3/127.0.0.1/localhost}" >>conf
tool backup
ends
tool syncdb_remote
ends
tool backup
ends
now 'a slash means nothing'
sed -i '/^endpoint_url/s,$,/,' conf
tool backup
ends
} 2>&1 | sed "s,$PWD,HERE,g; s,http://localhost:[0-9]*,OTHER,"
