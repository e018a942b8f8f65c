# on: file s3serve radosgw
# The ACL document that one tool prints is the one that the other one sets.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

name=(--host ember --date "$day" /home 0)
echo 'data' | s3put "${name[@]}" | jq .size

s3get --acl "${name[@]}" >before
ends
grep -c '</AccessControlPolicy>' before
s3put --acl "${name[@]}" <before
ends
s3get --acl "${name[@]}" | cmp - before && echo same

echo 'not an ACL' | s3put --acl "${name[@]}" 2>said
ends
sed 's/: [^:]*$/: REASON/' said
s3put --acl "${name[@]}" </dev/null
ends
s3put --acl -k no-such-key <before 2>said
ends
s3get --acl "${name[@]}" | cmp - before && echo same
ends
