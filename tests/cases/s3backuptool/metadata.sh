# on: s3serve
# needs: sqlite3 jq
# Only permissions have changed: the server copies the object, and no content is sent. The MD5 sum stays, which the original
# lost.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
tool initdb
# verbs: what was asked of the server, and how often, since the last time
verbs() {
    tail -n +$((${seen:-0} + 1)) "$LOG" | cut -d' ' -f1 | sort | uniq -c | grep -E 'Put|Copy|Upload|Delete' | sed 's/^ *//'
    seen=$(wc -l <"$LOG")
}
{
seq 300000 >src/large
echo 'small' >src/small
tool -q backup
verbs >/dev/null
rows 'perm_mode, md5, filepath'
now 'chmod'
chmod 640 src/large src/small
tool -v backup
verbs
rows 'perm_mode, md5, filepath'
now 'and again nothing'
tool -v backup
verbs
tool -q restore --yes --to out
ends
same src "out$PWD/src"
now 'a change of permissions and of content'
chmod 600 src/small
echo 'other' >src/small
tool -q backup
verbs
s3get -q -k "src$PWD/src/small"
now 'all of it anew'
tool update_s3_metadata
ends
verbs
as_it_is >before
tool -q backup
as_it_is | cmp - before && echo untouched
} 2>&1 | sed "s,$PWD,HERE,g"
