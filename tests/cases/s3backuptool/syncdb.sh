# on: file s3serve
# needs: sqlite3 jq
# The database follows what is stored, also where something is lost: the original never stored it again.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
tool initdb
{
for name in one two three; do echo "$name" >"src/$name"; done
tool -q backup
now 'an object is lost'
s3prune -q --delete --force -k "src$PWD/src/two"
tool backup
ends
stored
now 'the database learns of it, and the next run stores it again'
tool syncdb_remote
ends
rows
tool backup
ends
stored
now 'the database is lost'
rows 'filepath, uid, gid, perm_mode, md5, filetype, size, symlink_target, mtime, encrypted, s3key, mtime_at' >rows.before
rm db/*
tool initdb
tool -v syncdb_remote
ends
rows 'filepath, uid, gid, perm_mode, md5, filetype, size, symlink_target, mtime, encrypted, s3key, mtime_at' | cmp - rows.before && echo 'the same rows'
as_it_is >before
tool backup
ends
as_it_is | cmp - before && echo untouched
now 'what changed meanwhile is noticed'
rm db/*
tool initdb
tool -q syncdb_remote
echo 'changed' >src/one
tool backup
ends
now 'checksums: a content that has changed behind the back of the clock'
rm db/*
tool initdb
tool -q syncdb_remote
printf 'CHANGED\n' >src/one
touch -r src/two src/one
sqlite3 db/src.db "UPDATE files SET mtime = (SELECT mtime FROM files WHERE filepath LIKE '%/two'), mtime_at = ''"
tool backup | grep one
echo 'check_file_checksum = yes' >>conf
tool backup | grep one
s3get -q -k "src$PWD/src/one"
now 'another bucket: nothing of what the database says is stored there'
s3put -q --make-bucket -b "$S3_BUCKET-2"
sed -i "s,^s3_bucket.*,&-2," conf
tool backup
ends
tool update_s3_metadata
ends
tool -q syncdb_remote
ends
tool backup
ends
s3ls -q -b "$S3_BUCKET-2" -a -j --no-checksum 2>/dev/null | jq -r .key
} 2>&1 | sed "s,$PWD,HERE,g; s, on http[^ ,]*,,g"
