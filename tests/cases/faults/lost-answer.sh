# The server does what it was asked, but its answer gets lost. Whether it was done is found out, not guessed.
# on: s3serve
# fault: PutObject#1:lost
# fault: CompleteMultipartUpload#1:lost
. "$CASES/lib.sh"

now 'one request'
echo 'small' | s3put -q -k small | jq -c '[.key, .size]'
s3get -k small

now 'a multipart upload'
seq 2000000 >numbers
s3put -q -k large --part-size 5M <numbers | jq -c '[.key, .size, .parts]'
s3get -k large | cmp - numbers && echo same

now 'nothing unfinished is left'
s3ls --uploads -a
ends
