# The completion is carried out, its answer gets lost, and the server then knows no such upload: as garage does.
# on: s3serve
# fault: CompleteMultipartUpload#1:lost
# fault: CompleteMultipartUpload#2-:error=404,NoSuchUpload
. "$CASES/lib.sh"
seq 2000000 >numbers

now 'a key that may not look can not know'
AWS_ACCESS_KEY_ID=creator AWS_SECRET_ACCESS_KEY=creatorsecret s3put --part-size 5M -k large <numbers
ends

now 'the dump is there, and was not undone'
s3get -q -k large | cmp - numbers && echo same
s3ls --uploads -a
ends
