# needs: sqlite3
# The configuration, as Python's SafeConfigParser reads it, and what is wrong with others. No message shows a value.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
{
cat >conf <<END
# remarks
; of two kinds
rem and a third
[DEFAULT]
Base: $PWD
db_location = %(base)s/db
s3_bucket = $S3_BUCKET
max_delete : 50%%   ; a percent sign is doubled

[src]
path = %(BASE)s//src/
s3_parent_folder_path = deep/er/
exclude_file = skipped
    sub/skipped
[two-2_]
path=%(base)s/out
s3_parent_folder_path: two
END
mkdir src/sub
echo 'a' >src/a
echo 'b' >src/skipped
echo 'c' >src/sub/skipped
tool initdb
ls -A db
tool backup
ends
stored
now 'what is excluded from now on stays as it was stored'
sed -i 's/^exclude_file.*/&\n    a/' conf
echo 'changed' >src/a
tool backup
ends
s3get -q -k "deep/er$PWD/src/a"
now 'one section'
tool --section two-2_ stats | head -n 2
now 'wrong calls'
while read -r words; do
    echo "+ $words"
    # shellcheck disable=SC2086 # words of a command
    s3backuptool $words
    ends
done <<'END'

-c conf
-c
backup
-c conf frobnicate
-c conf backup restore
-c conf --frobnicate backup
-c conf --max-delete most backup
-c conf --section nobody backup
-c conf restore --yes
-c nowhere backup
--config=nowhere backup
END
now 'wrong configurations'
while IFS= read -r line; do
    printf '[x]\npath=/x\ndb_location=db\ns3_bucket=b\n%b\n' "$line" >wrong
    echo "+ $line"
    s3backuptool -c wrong stats
    ends
done <<'END'
secret
encrypt_password = 5% secret
encrypt_password = %(nobody)s secret
encrypt_password = %(encrypt_password)s secret
encrypt = secret
encrypt = yes
max_delete = secret
path = secret
path =
aws_access_key_id = id
[y z]
END
printf 'path = /x\n' >wrong
s3backuptool -c wrong stats
ends
: >wrong
s3backuptool -c wrong stats
ends
now 'a password that others can read'
printf '%s\n' '[src]' "path = $PWD/src" "db_location = $PWD/db" "s3_bucket = $S3_BUCKET" 'encrypt_password = secret' >wrong
chmod 644 wrong
s3backuptool -c wrong stats | sed -n 2p
now 'help'
s3backuptool --help | head -n 2
ends
} 2>&1 | sed "s,$PWD,HERE,g"
