# needs: sqlite3 jq
# check_file_checksum reads every file, and notices a content that has changed while all that stat tells stayed as it was. Large
# files, whose receipts tell no sum, are not stored again each time.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src 'check_file_checksum = True'
tool initdb
{
seq 3000000 >src/large
echo 'one' >src/small
tool backup
ends
now 'nothing has changed'
tool backup
ends
now 'the disk has, and nothing tells of it'
printf 'ONE\n' >src/small
printf 'X' | dd of=src/large bs=1 seek=17000000 conv=notrunc status=none
sqlite3 db/src.db "UPDATE files SET ctime_at = ''"
touch -d @1700000000 src/small src/large
sqlite3 db/src.db "UPDATE files SET mtime = '1700000000', mtime_at = '1700000000.0000000000' WHERE filetype = 'file'"
sed 's/True/False/' conf >unread.conf
chmod 600 unread.conf
cp db/src.db before.db
s3backuptool -c unread.conf backup
ends
cp before.db db/src.db
tool backup
ends
s3get -q -k "src$PWD/src/small"
s3get -q -k "src$PWD/src/large" | cmp - src/large && echo same
now 'nothing has changed'
tool backup
ends
} 2>&1 | sed "s,$PWD,HERE,g"
