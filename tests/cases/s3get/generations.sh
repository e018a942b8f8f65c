# on: file s3serve radosgw
# Three generations of keys hold dumps; each is found by name, and comes out as one stream.

. "$CASES/lib.sh"
. "$CASES/s3get/lib.sh"
s3put -q --make-bucket
store() { s3put -q -k "$1" | jq -r .key; }

for number in 0 1 2 3 4 5 6 7 8 9 10; do
    echo "piece $number" | older "ember:first:0:2012-01-21:$number"
done
for number in 0 1 2; do
    echo "chunk $number" | older "ember:second:0:2017-05-30/chunk_00000$number"
done
echo 'one object' | store ember:third:0:2019-11-30
echo 'another' | store ember:third:0:2019-12-01

now 'by date'
s3get --host ember --date 2012-01-21 first 0
s3get --host ember --date 2017-05-30 second 0
s3get --host ember --date 2019-12-01 third 0

now 'the newest'
s3get --host ember first 0 | tail -n 1
s3get --host ember second 0 | tail -n 1
s3get --host ember third 0 | tail -n 1

now 'by the key that a chain names'
s3ls -q --host ember --chain second | while IFS= read -r key; do s3get -k "$key"; done

now 'ranges and --verify count them as one'
s3get --host ember --date 2012-01-21 --range 60-80 first 0
echo
s3get --host ember --date 2012-01-21 --verify first 0
ends

now 'one line each in listings'
s3ls -q --host ember | head -n -1

now 'a gap is an error, and nothing comes out'
echo 'alone' | older ember:gap:0:2012-01-21:0
echo 'too far' | older ember:gap:0:2012-01-21:2
s3get --host ember --date 2012-01-21 gap 0
ends
echo 'no beginning' | older ember:late:0:2017-05-30/chunk_000001
s3get --host ember --date 2017-05-30 late 0
ends
echo 'numbered' | older ember:both:0:2017-05-30:0
echo 'and in chunks' | older ember:both:0:2017-05-30/chunk_000000
s3get --host ember --date 2017-05-30 both 0
ends
