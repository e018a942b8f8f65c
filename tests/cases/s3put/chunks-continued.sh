# A chunk stream that is longer than an object goes on in others: offsets count through, and each of them has the id.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
big=$(head -c 100000 /dev/zero | tr '\0' a)
