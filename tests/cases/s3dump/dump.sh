# on: file s3serve radosgw
# dump and restore, and what used to go wrong.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
MiB=1048576
seq 6000000 | head -c $((40 * MiB)) >stream
{
now 'a length that is an exact multiple of the old and of the new part size'
for size in 20 40 16 32; do
    head -c $((size * MiB)) stream >part
    s3dump -q dump "exactly $size MiB" 0 <part
    s3dump restore "exactly $size MiB" 0 | cmp - part
    echo "exit ${PIPESTATUS[*]}"
done

now 'nothing at all is refused; a dump of nothing that is there already can be read'
printf '' | s3dump dump /home 0
ends
printf '' | s3put -q --allow-empty empty 0 >/dev/null
s3dump restore empty 0 | wc -c
echo "exit ${PIPESTATUS[*]}"

now 'names with spaces and signs'
echo 'spaces' | s3dump -q dump 'my photos + music' 0
s3dump restore 'my photos + music' 0
s3dump list | grep photos

now 'a second dump on the same day does not replace the first one'
echo 'again' | s3dump -q dump 'my photos + music' 0
ends
s3dump restore 'my photos + music' 0

now 'without a date the newest, not the last in the alphabet'
for date in "$day2" "$day1"; do echo "$date" | s3dump -q -w "$date" dump newest 0; done
s3dump restore newest 0

now 'a dump that is not there'
s3dump restore /home 0
ends
s3dump -w "$day1" restore newest 1
ends
s3dump -k nothing restore
ends

now 'the infrequent class'
echo 'rare' | s3dump -qi dump rare 0
s3ls -q -j --no-checksum rare | jq -r .class

now 'a reader that has seen enough'
s3dump restore 'exactly 40 MiB' 0 | head -n 1
echo "exit ${PIPESTATUS[*]}"
} 2>&1 | plainly
