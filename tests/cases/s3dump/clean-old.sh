# on: file s3serve
# clean on data of older generations: a dump is a dump, however many objects it is made of.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
{
for date in "$day1" "$day2" "$day3"; do
    for number in 0 1 2; do
        echo "piece $number" | s3dump -q -k "ember:first:0:$date:$number" dump
        echo "chunk $number" | s3dump -q -k "ember:second:0:$date/chunk_00000$number" dump
    done
done
s3dump -h ember -y clean 2
ends
s3dump -h ember list
s3dump -h ember restore first 0
s3dump -k "ember:first:0:$day2" restore | tail -n 1
s3dump -h ember -w "$day2" restore second 0

now 'one that is not whole is no reason to throw away another one; nor is one whose date is made up'
echo 'no beginning' | s3dump -q -k "ember:first:0:$day4:1" dump
echo 'planted' | s3dump -q -h ember -w 2099-01-01 dump first 0
s3dump -h ember -y clean 1
s3dump -h ember list 2>/dev/null

now 'deleting one deletes all of its pieces'
s3dump -h ember -w "$day3" delete second 0
ends
s3ls -q -j --host ember second --no-checksum | jq -c '[.date, .pieces]'
} 2>&1 | plainly
