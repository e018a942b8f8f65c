# A directory has no keys; what exists is not replaced there either.
. "$CASES/lib.sh"
. "$CASES/s3probe/lib.sh"
s3put -q --make-bucket
plainly s3probe
s3ls -a
ends

now 'not a bucket yet'
plainly s3probe -b "file://$PWD/nothing"
