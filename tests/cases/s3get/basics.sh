# on: file s3serve
# s3get finds the dump that is meant, or says that it isn't there.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)
store() { s3put --host ember --date "$@" | jq -r .key; }

echo 'january' | store 2019-01-05 /home 0
echo 'february' | store 2019-02-05 /home 0
echo 'february, level 1' | store 2019-02-06 /home 1
echo 'today' | store "$day" /var 0
echo 'its name begins alike' | store "$day" /var/log 0

now 'with a date: that one'
s3get --host ember --date 2019-01-05 /home 0
ends

now 'without: the newest; a date that the server does not bear out is remarked upon'
s3get --host ember /var 0
s3get --host ember /home 0
ends

now 'by its key'
s3get -k 'ember:/home:1:2019-02-06'

now 'what is not there is permanent, and nothing is written'
s3get --host ember --date 2019-03-05 /home 0
ends
s3get --host ember /home 2
ends
s3get --host amber /home 0
ends
s3get --host ember / 0
ends
s3get -k no-such-key
ends
s3get --prefix no-such-prefix
ends
