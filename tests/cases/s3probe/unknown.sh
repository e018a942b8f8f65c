# What can't be found out is not called proven.
# on: s3serve
# fault: ListObjectsV2:error=500,InternalError
# fault: GetObject#1:error=403,ExpiredToken
# needs: curl
. "$CASES/lib.sh"
. "$CASES/s3probe/lib.sh"
plainly creating s3probe -q --admin-settings admin.keys

now 'nobody there'
AWS_ENDPOINT_URL_S3=http://127.0.0.1:9 plainly creating s3probe

now 'a key that the server does not know'
AWS_ACCESS_KEY_ID=nobody plainly s3probe
AWS_SECRET_ACCESS_KEY=wrong plainly s3probe

now 'a bucket that does not exist'
plainly creating s3probe -b s3://no-such-bucket-of-ours
