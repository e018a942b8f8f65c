# A prepared upload that nobody can name is aborted.

. "$CASES/lib.sh"
s3put -q --make-bucket

{ echo data | s3put --prepare -k data; ends >&2; } | true
s3ls --uploads -a
[ -e /dev/full ] && echo data | s3put --prepare -k data >/dev/full
ends
s3ls --uploads -a
ends
