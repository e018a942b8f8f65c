# on: file s3serve radosgw
# clean N keeps the newest N of each file system and level, and what they need; it says why.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
stored() { s3ls -q -a -0 | tr '\0' '\n'; }
{
for dump in "0 $day1" "1 $day2" "0 $day3" "1 $day4" "1 $day5"; do
    echo "$dump" | s3dump -q -w "${dump#* }" dump /home "${dump% *}"
done
for date in "$day1" "$day2" "$day3"; do
    echo 'full' | s3dump -q -w "$date" dump '/srv/a "b" \c' 0
    echo 'full' | s3dump -q -w "$date" -h attic dump / 0
done
echo 'a note' | s3dump -q -k note dump

now 'a dry run'
s3dump clean 1
ends
s3dump -q clean 1
ends
stored | wc -l
now 'done; the host attic is left alone'
s3dump -y clean 1
ends
stored
now 'what a dump that stays needs stays as well'
s3dump -k "${HOSTNAME%%.*}:/home:0:$day3" delete
echo 'full' | s3dump -q -w "$day1" dump /home 0
echo 'level 2' | s3dump -q -w "$day2" dump /home 2
echo 'full' | s3dump -q -w "$day4" dump /var 0
echo 'level 1' | s3dump -q -w "$day4" dump /var 1
echo 'full' | s3dump -q -w "$day5" dump /var 0
s3dump -y clean 1
ends
stored
now 'all hosts'
s3dump -y -a clean 2
ends
s3dump -ya clean 1
ends
stored | grep attic
now 'another host'
s3dump -y -h attic clean 1
ends
} 2>&1 | plainly
