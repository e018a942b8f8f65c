# A key that may write, on a server without conditions in its policies: it can overwrite, and that is said.
# on: s3serve
# needs: curl
. "$CASES/lib.sh"
. "$CASES/s3probe/lib.sh"
plainly writing s3probe -q --admin-settings admin.keys

now 'a key that may do everything'
plainly s3probe
s3ls -a
ends
