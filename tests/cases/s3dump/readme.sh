# on: file s3serve radosgw
# needs: bzip2 gzip
# What s3dump's users type, as they have always typed it.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
{
mkdir -p srv
tree srv/photo
mkdir one two three

now 'tar'
tar -cz -C srv/photo . | s3dump dump photo-tar.gz 0
ends
s3dump restore photo-tar.gz 0 | tar -C one -xzpf -
echo "exit ${PIPESTATUS[*]}"
same srv/photo one

now 'rate limiting'
tar -c -C srv/photo . | s3dump -L 64m dump photo-tar 0
s3dump -L 64m restore photo-tar 0 | tar -C two -xpf -
same srv/photo two

now 'compression'
tar -c -C srv . | bzip2 | s3dump -q dump srv.tbz 0
s3dump retrieve srv.tbz 0 | bzip2 -d | tar -C three -xpf -
same srv three

now 'names and dates'
echo 'level 1' | s3dump -q -h ember -w "$day2" dump /home 1
echo 'level 0' | s3dump -q -hember -w"$day1" dump /home 0
echo 'level 0' | s3dump -qi -h ember -w "$day3" dump /home 0
echo 'a note' | s3dump -q -k note dump
s3dump -k note restore
s3dump -h ember -w "$day1" restore /home 0

now 'what is there'
s3dump -h ember list
ends
s3dump list | grep -c 'photo-tar.gz'
s3dump -q -a list -q | grep '^Dumps'
} 2>&1 | plainly
