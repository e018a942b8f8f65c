# doc/policies/object-lock-*.json: what is stored can't be destroyed by the owner either, nor by s3prune.
# on: radosgw
# needs: curl jq openssl
. "$CASES/lib.sh"
. "$CASES/policies/lib.sh"
# A bucket of our own: locks are for buckets that were made with them.
BUCKETNAME=$BUCKETNAME-locked S3_BUCKET=$S3_BUCKET-locked
versions() { s3 GET "/?prefix=$1&versions=" | grep -o '<VersionId>[^<]*' | cut -d'>' -f2; }
s3 PUT / '' 'x-amz-bucket-object-lock-enabled: true'
s3 PUT '/?object-lock=' "$(filled object-lock-compliance.json | jq -r -f "$POLICIES/xml.jq")"
s3 GET '/?object-lock=' | sed 's/<[^>]*>/ /g; s/  */ /g'
echo
s3 PUT '/?object-lock=' "$(filled object-lock-governance.json | jq -r -f "$POLICIES/xml.jq")"
s3 GET '/?object-lock=' | sed 's/<[^>]*>/ /g; s/  */ /g'
echo

now 'a dump is stored, in one request and in parts'
echo first | s3put -q --host h --date 2024-01-01 home 0 | jq -c '[.key, .size, (.version | length > 0)]'
seq 2000000 | s3put -q --host h --date 2024-01-01 --part-size 5M home 1 | jq -c '[.key, .size, .parts]'

now 's3prune takes it out of the listing'
s3prune -q -k h:home:0:2024-01-01 --delete --force
ends
s3ls -a -j | jq -r .key

now 'but its bytes stay: their version can not be deleted'
version=$(versions h%3Ahome%3A0 | tail -n 1)
says DELETE "/h%3Ahome%3A0%3A2024-01-01?versionId=$version"
s3 GET "/h%3Ahome%3A0%3A2024-01-01?versionId=$version"

now 'radosgw 16 ignores If-None-Match where it keeps versions: a new version is made, and the first one stays'
says PUT /again one 'If-None-Match: *'
says PUT /again two 'If-None-Match: *'
versions again | wc -l
