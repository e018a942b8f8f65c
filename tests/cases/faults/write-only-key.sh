# A key that may write and nothing else is enough for a backup.
# on: s3serve
# fault: reading:deny
# fault: deleting:deny
. "$CASES/lib.sh"

now 'a dump is stored'
seq 1000 | s3put -q --host h --date 2024-01-01 home 0 | jq -c '[.key, .size]'
seq 2000000 | s3put -q --host h --date 2024-01-01 --part-size 5M home 1 | jq -c '[.key, .size, .parts]'

now 'and is not overwritten'
echo other | s3put --host h --date 2024-01-01 home 0
ends
seq 2000000 | s3put --host h --date 2024-01-01 --part-size 5M home 1
ends

now 'but nothing can be read or removed'
s3get --host h home 0
ends
s3ls --host h
ends
