# on: file s3serve radosgw
# delete deletes at once, what it is told to, today's dump if no date is given; and what isn't there is an error.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
stored() { s3ls -q -a -0 | tr '\0' '\n'; }
{
for dump in "0 $day1" "1 $day2" "0 $day3" "1 $day4"; do
    echo "$dump" | s3dump -q -h ember -w "${dump#* }" dump /home "${dump% *}"
done
echo 'a note' | s3dump -q -k note dump
echo 'a note' | s3dump -q -k 'note 2' dump

now 'a dump that nothing needs'
s3dump -h ember -w "$day2" delete /home 1
ends
now "today's; there is a level 1 that needs it, and that is said"
s3dump -h ember delete /home 0
ends
now 'it is gone'
s3dump -h ember delete /home 0
ends
s3dump -h ember -w "$day2" delete /home 7
ends
now 'the last one'
s3dump -h ember -w "$day1" delete /home 0
ends
now 'by key, and only that one'
s3dump -k note delete
ends
s3dump -k note delete
ends
stored
s3ls -q -a | grep note
now 'nothing is named'
s3dump delete /home
ends
stored
} 2>&1 | plainly
