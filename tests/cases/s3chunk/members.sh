# Members of tar archives of every kind are listed, found, and written alone.

. "$CASES/lib.sh"
. "$CASES/s3chunk/lib.sh"
mkdir -p home/a home/b "home/$(printf 'long/%.0s' {1..60})"
noise 1 60000 >home/a/one
noise 2 9000 >home/a/two
noise 3 30000 >home/b/three
: >home/b/empty
ln -s one home/a/link
ln home/a/one home/a/other
echo deep >"home/$(printf 'long/%.0s' {1..60})deep"
truncate -s 100k home/b/hole
printf x | dd of=home/b/hole bs=1 seek=50000 conv=notrunc status=none
printf x >home/$'new\nline'
printf x >home/$'\xff\\'
printf x >'home/ ü'

# try ARGUMENT...: an archive of that kind, and whether everything in it is found
try() {
    tar c --sort=name "$@" home >archive
    s3chunk --fixed 4k --members <archive >stream
    s3chunk -d <stream | cmp - archive
    unpack stream u
    s3chunk --files <stream >files
    # tar writes them in nearly the same way
    LC_ALL=C.UTF-8 tar tf archive --quoting-style=escape | sed 's/\\\\/\\134/; s/\\n/\\012/' | diff - files && wc -l <files
    archive "$(id <stream)" tail index @u/index files @u/files refs @u/refs >tail
    for path in home/a/one home/b/hole "home/$(printf 'long/%.0s' {1..60})deep" home/b/empty home/b; do
        part stream u "$(s3chunk --tail tail --find "$path")" >part
        s3chunk -d --tail tail "$path" <part >some
        cmp <(tar xOf archive "$path") <(tar xOf some "$path") && tar tf some >names
        diff <(tar tf archive "$path") names && echo "$(wc -l <names) of ${path:0:12}"
    done
}

now 'GNU'
try --format=gnu
now 'POSIX'
try --format=posix
now 'POSIX, with a global header'
try --format=posix --pax-option=globexthdr.name=g,comment=x
now 'with holes'
try --format=gnu --sparse
try --format=posix --sparse

now 'what is not there'
s3chunk --tail tail --find home/c
ends
s3chunk --tail tail --find home/a/one home/a/on
ends
s3chunk -d --tail tail home/c <part | wc -c
now 'other chunks than those'
s3chunk -d --tail tail home/a/two <part >some
ends
s3chunk -d --tail tail home/a/one <stream >some
ends
now 'the list of what has none'
s3chunk <archive | s3chunk --files
ends
now 'what is no archive'
seq 100000 | s3chunk --members >stream
ends
s3chunk -d <stream | wc -l
head -c 100000 archive | s3chunk --members >stream
s3chunk -d <stream | wc -c
s3chunk --members <stream | s3chunk --files
now 'positions are ranges'
s3chunk --tail tail --find home/a/two home/b/three | tr -d '0-9'
