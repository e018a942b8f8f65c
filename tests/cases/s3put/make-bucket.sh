# on: file
# A bucket is made once; after that nothing is changed.

. "$CASES/lib.sh"

s3put --make-bucket
ends
s3put --make-bucket
ends
s3put -q --make-bucket
ends
now 'the first object was only a trial'
s3ls -a
ends
