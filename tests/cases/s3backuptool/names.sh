# on: file s3serve radosgw
# needs: sqlite3 jq
# Names may be anything: the original stopped at the first that is no UTF-8, and lost those with blanks at their ends.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
tool initdb
{
long=$(printf 'й%.0s' {1..120})
mkdir -p $'src/d\xfff' "src/$long/$long"
for name in ' edge ' 'two  blanks' $'line\nfeed' $'tab\there' $'bell\a' $'not\xffutf8' $'d\xfff/inside' 'größe' '日本語' 'a%41' '100%' \
    'quote"d' "quote'd" 'back\slash' '-n' 'a+(b)[c]{1}$' 'x,y' ';' '=?x' 'b.SYMLINK' 'b.SYMLINK.FILE' 'c.META' "$long/$long/end" \
    '*' '\n' 'trailing '; do
    printf '%s' "$name" >"src/$name"
done
ln -s $'to\xffwhere\n' 'src/b'
ln -s 'größe' $'src/li\nnk'
find src -exec touch -h -d '2024-01-01 00:00:00.123456789Z' {} +

# plainly: gives long names short ones; the second object of a member is called by the sum of what is in it
plainly() { sed "s/$long/LONG/g; s/\.[0-9a-f]\{16\}\.META/.SUM.META/"; }

now 'all are stored'
tool -q backup
ends
stored | plainly
now 'and known'
tool -q backup --debug
ends
rows 'count(*)'
now 'from the database'
tool restore --yes --to out
ends
same src "out$PWD/src"
now 'from what is stored'
rm -r out db/*
mkdir out
tool initdb
tool restore --yes --to out
ends
same src "out$PWD/src"
now 'a database that was lost comes back, and nothing is stored again'
tool syncdb_remote
ends
as_it_is >before
tool backup
ends
as_it_is | cmp - before && echo untouched
now 'each can be deleted; what did not fit into the metadata of one stays behind, and does no harm'
rm -r src/*
tool backup --max-delete 99%
ends
stored | plainly
} 2>&1 | sed "s,$PWD,HERE,g"
