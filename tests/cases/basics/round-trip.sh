# on: file s3serve radosgw
. "$CASES/lib.sh"
s3put -q --make-bucket
tree data

now 'a directory goes through a pipe into the bucket'
pack data | s3put --host h --date 2024-01-01 home 0
ends

now 'it is listed'
s3ls --host h
ends

now 'it comes back, and is what went in'
mkdir back
s3get --host h home 0 | tar -C back -xf -
ends
diff -r data back && cmp data/a/hole back/a/hole && echo same

now 'by its key, too'
s3get -k h:home:0:2024-01-01 | cmp - <(pack data) && echo same

now 'a dump is not replaced'
echo other | s3put --host h --date 2024-01-01 home 0
ends
s3get -k h:home:0:2024-01-01 | cmp - <(pack data) && echo same

now 'unless it has to be'
echo other | s3put -q --overwrite --host h --date 2024-01-01 home 0 >receipt
ends
s3get -k h:home:0:2024-01-01
