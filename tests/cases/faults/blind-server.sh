# A server that doesn't look at If-None-Match: where the key may read, an existing dump is still not replaced.
# on: s3serve
# fault: PutObject#2-:blind
# fault: CompleteMultipartUpload:blind
. "$CASES/lib.sh"
echo first | s3put -q --host h --date 2024-01-01 home 0 >/dev/null

now 'by one request'
echo second | s3put --host h --date 2024-01-01 home 0
ends
now 'by a multipart upload'
seq 2000000 | s3put --host h --date 2024-01-01 --part-size 5M home 0
ends
s3get -q -k h:home:0:2024-01-01
