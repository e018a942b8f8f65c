# doc/policies/write-only.json where a server enforces policies, and what radosgw leaves undone.
# on: radosgw
# needs: curl jq openssl
. "$CASES/lib.sh"
. "$CASES/policies/lib.sh"
apply write-only.json
seq 2000000 >numbers

now 'the key stores, in one request and in parts'
seq 1000 | other s3put -q --host h --date 2024-01-01 --grant-owner home 0 | jq -c '[.key, .size]'
other s3put -q --host h --date 2024-01-01 --part-size 5M --grant-owner home 1 <numbers | jq -c '[.key, .size, .parts]'

now 'it reads, lists and removes nothing, not even what it wrote'
other s3get -k h:home:0:2024-01-01
ends
other s3get --host h home 0
ends
other s3ls -a
ends
other s3ls --uploads -a
ends
other s3prune -k h:home:0:2024-01-01 --delete --force
ends
other says GET /h%3Ahome%3A0%3A2024-01-01
other says DELETE /h%3Ahome%3A0%3A2024-01-01
other says GET '/h%3Ahome%3A0%3A2024-01-01?acl='
other says PUT '/h%3Ahome%3A0%3A2024-01-01?acl=' '' 'x-amz-acl: public-read'
other says PUT /copy '' "x-amz-copy-source: /$BUCKETNAME/h%3Ahome%3A0%3A2024-01-01"
other says GET '/?policy='
other says PUT '/?lifecycle=' "$(filled lifecycle.json | jq -r -f "$POLICIES/xml.jq")"

now 'what is broken off is aborted'
other s3put --part-size 5M -k broken -- sh -c 'cat numbers; exit 3'
ends
s3ls --uploads -a
ends

now 'one request replaces nothing'
echo other | other s3put --host h --date 2024-01-01 --grant-owner home 0
ends

now 'the owner gets all of it'
s3get -q -k h:home:0:2024-01-01 | cmp - <(seq 1000) && echo same
s3get -q -k h:home:1:2024-01-01 | cmp - numbers && echo same

now 'without --grant-owner the writer alone would own it'
echo mine | other s3put -q -k mine >/dev/null
ends
s3get -k mine
ends

now 'radosgw 16 knows none of the conditions: this is what doc/policies/README.md warns of'
echo other | other s3put -q --host h --date 2024-01-01 --grant-owner --overwrite home 0 >/dev/null
ends
s3get -q -k h:home:0:2024-01-01
echo other | other s3put -q --host h --date 2024-01-01 --grant-owner home 1 >/dev/null
ends
head -c 6000000 /dev/zero | other s3put -q --host h --date 2024-01-01 --part-size 5M --grant-owner home 1 >/dev/null
ends
s3get -q -k h:home:1:2024-01-01 | wc -c
