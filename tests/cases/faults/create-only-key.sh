# A key that may create and nothing else: what it stores, what it is refused, and who gets it back.
# on: s3serve
. "$CASES/lib.sh"
creating() { AWS_ACCESS_KEY_ID=creator AWS_SECRET_ACCESS_KEY=creatorsecret "$@"; }
seq 2000000 >numbers

now 'it stores, in one request and in parts'
seq 1000 | creating s3put -q --host h --date 2024-01-01 home 0 | jq -c '[.key, .size]'
creating s3put -q --host h --date 2024-01-01 --part-size 5M home 1 <numbers | jq -c '[.key, .size, .parts]'

now 'it replaces nothing, not even when told to'
echo other | creating s3put --host h --date 2024-01-01 home 0
ends
creating s3put --host h --date 2024-01-01 --part-size 5M home 1 <numbers
ends
echo other | creating s3put --host h --date 2024-01-01 --overwrite home 0
ends
creating s3put --host h --date 2024-01-01 --part-size 5M --overwrite home 1 <numbers
ends

now 'it reads, lists and removes nothing'
creating s3get -k h:home:0:2024-01-01
ends
creating s3get --host h home 0
ends
creating s3ls -a
ends
creating s3ls --uploads -a
ends
creating s3prune -k h:home:0:2024-01-01 --delete --force
ends
creating s3prune --host h --keep-last 1 --delete
ends

now 'what is broken off is aborted'
creating s3put --part-size 5M -k broken -- sh -c 'cat numbers; exit 3'
ends
s3ls --uploads -a
ends

now 'the owner gets all of it'
s3get -q -k h:home:0:2024-01-01 | cmp - <(seq 1000) && echo same
s3get -q -k h:home:1:2024-01-01 | cmp - numbers && echo same
