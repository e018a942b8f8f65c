# on: s3serve radosgw
# A key that is too long only with the place's prefix is that of a member that can't be stored, and holds up no other.

. "$CASES/lib.sh"
s3put -q --make-bucket

part=$(printf 'p%.0s' {1..200})
mkdir -p "t/$part/$part/$part/$part"
: >"t/$part/$part/$part/$part/$part"
echo short >t/z
S3_BUCKET=$S3_BUCKET/all/the/backups/of/this/host
tar c --format=pax --sort=name -C t . | s3put --members m 2>said | jq -r .member.filetype
printf '%s\n' "${PIPESTATUS[*]}"
sed 's/p\{200\}/P/g' said
s3get --members m --only m/z | tar xO
