# on: file s3serve
# needs: sqlite3 jq age
# For recipients: this machine can't read its own backup, and age opens it, too. What was stored in the clear before is stored
# again.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
tool initdb
(umask 077 && s3seal -q --keygen >key)
public=$(sed -n 's/^# public key: //p' key)
{
seq 20000 >src/numbers
echo 'small' >src/small
tool -q backup
rows 'encrypted, filetype, filepath'
now 'encryption is switched on'
printf '%s\n' 'encrypt = on' "recipients = $public" >>conf
tool -q backup
ends
rows 'encrypted, filetype, filepath'
s3get -q -k "src$PWD/src/small" | age -d -i key | zstd -dq
now 'without the identity'
tool -q restore --yes --to out
ends
find out -type f
now 'with it'
tool -q restore --yes --to out -i key
ends
same src "out$PWD/src"
now 'permissions change, and what is sealed stays sealed'
chmod 600 src/small
tool -q backup
ends
rm -r out/*
tool -q restore --yes --to out -i key --source s3
ends
same src "out$PWD/src"
now 'a list of recipients in a file'
echo "$public" >recipients
sed -i "s,^recipients.*,recipients = $PWD/recipients," conf
echo 'other' >src/small
tool -q backup
ends
s3get -q -k "src$PWD/src/small" | s3seal -q -d -i key
now 'neither password nor recipients'
sed -i '/^recipients/d' conf
tool backup
ends
} 2>&1 | sed "s,$PWD,HERE,g"
