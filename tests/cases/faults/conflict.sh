# 409 instead of 412: somebody else is writing the same key at this moment. Asking again tells how it ended.
# on: s3serve
# fault: PutObject#1:conflict
# fault: CompleteMultipartUpload#1:conflict
. "$CASES/lib.sh"
echo small | s3put -q -k small | jq -c '[.key, .size]'
seq 2000000 | s3put -q -k large --part-size 5M | jq -c '[.key, .size, .parts]'
s3get -k small
s3get -k large | cmp - <(seq 2000000) && echo same
