# The first object of several is what makes them a dump. If its completion fails, what continues it is of no use.
# on: s3serve
# fault: CompleteMultipartUpload#3:deny
. "$CASES/lib.sh"

day=$(date +%F)
key=ember:/home:0:$day
head -c 12000000 /dev/zero | s3put -q --host ember --part-size 5M --max-object 5M /home 0
ends

now 'no dump is there, and what is there spoils none'
s3ls -a
ends
echo 'older' | s3put -q -k "ember:/home:1:$day" >/dev/null
s3get --host ember /home 1
s3get --host ember /home 0
ends

now 'once it is removed, the same command succeeds'
for number in 1 2; do s3prune -q --delete -k "$key:$number" 2>/dev/null; done
head -c 12000000 /dev/zero | s3put -q --host ember --part-size 5M --max-object 5M /home 0 | jq -c '[.size, (.objects | length)]'
s3get --host ember /home 0 | cmp -n 12000000 - /dev/zero && echo same
