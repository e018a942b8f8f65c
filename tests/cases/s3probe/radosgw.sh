# What doc/policies/write-only.json achieves on radosgw 16, and what it doesn't; the same where versions are kept.
# on: radosgw
# needs: curl jq openssl
. "$CASES/lib.sh"
. "$CASES/policies/lib.sh"
. "$CASES/s3probe/lib.sh"
apply write-only.json
plainly other s3probe --grant-owner --admin-settings admin.keys
s3ls -a
ends

now 'without --grant-owner the owner could not restore'
plainly other s3probe -q --admin-settings admin.keys 2>&1 | grep -e restore -e kept

now 'with versions nothing is lost'
s3 PUT '/?versioning=' '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
plainly other s3probe -q --grant-owner --admin-settings admin.keys
plainly other s3probe --grant-owner --versions-suffice --admin-settings admin.keys
s3 GET '/?versions=' | grep -o '<VersionId>' | wc -l
