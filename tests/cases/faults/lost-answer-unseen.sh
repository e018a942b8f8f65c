# The server does what it was asked, its answer gets lost, and the key may not look: whether it was done is unknown.
# on: s3serve
# fault: PutObject#1:lost
# fault: CompleteMultipartUpload#1:lost
. "$CASES/lib.sh"
creating() { AWS_ACCESS_KEY_ID=creator AWS_SECRET_ACCESS_KEY=creatorsecret "$@"; }
seq 2000000 >numbers

now 'one request'
echo small | creating s3put -k small
ends
now 'a multipart upload'
creating s3put --part-size 5M -k large <numbers
ends

now 'another attempt finds that it was'
echo small | creating s3put -k small
ends

now 'the owner sees that all of it is there, and nothing else'
s3get -q -k small
s3get -q -k large | cmp - numbers && echo same
s3ls --uploads -a
ends
