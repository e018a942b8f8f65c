# on: file s3serve radosgw
# The ACL goes round: what getacl prints is what putacl takes.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
echo 'data' | s3dump -q dump /home 0
echo 'data' | s3dump -q -k note dump

s3dump getacl /home 0 >acl.xml
ends
grep -c '</AccessControlPolicy>' acl.xml
s3dump getacl /home 0 | s3dump putacl /home 0
ends
s3dump -q putacl /home 0 <acl.xml
ends
s3dump -k note getacl | s3dump -k note putacl
s3dump getacl /home 0 | cmp - acl.xml && echo same
now 'of a dump that is not there'
s3dump getacl /home 1 2>&1 | plainly | sed 's/: [^:]*$/: REASON/'
echo "exit ${PIPESTATUS[0]}"
s3dump putacl /home 0 </dev/null
ends
