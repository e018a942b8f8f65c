# The tail of a dump in an archive is another's: what the dump needs is known when the dump itself is brought back.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
alone "$one" | s3put -q -k needed >/dev/null
alone "$two" | s3put -q --storage-class GLACIER -k whole >/dev/null
referring "$three" "$S3_BUCKET" "$(later)" "$one" needed | s3put -q --storage-class GLACIER -k torn >/dev/null
copied whole.tail torn.tail
s3prune -q --no-grace -k needed
ends
s3get -k torn | wc -c
s3get -k torn --thaw | wc -c
