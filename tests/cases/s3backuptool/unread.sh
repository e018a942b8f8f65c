# needs: sqlite3 jq strace
# A file that has not changed is not opened, by no program.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
tool initdb
{
echo 'quiet' >src/quiet
echo 'busy' >src/busy
tool -q backup
echo 'more' >>src/busy
strace -f -qq -e trace=open,openat,openat2 -o opened s3backuptool -c conf backup | sed 's/ .*  / SPEED /'
grep -q 'src/busy"' opened && echo 'the changed one was read'
grep -c 'src/quiet"' opened
} 2>&1 | sed "s,$PWD,HERE,g"
