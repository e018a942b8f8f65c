# needs: sqlite3 jq setfattr getfattr setfacl getfacl
# Hard links, pipes, holes, attributes, access control lists, times to the nanosecond: the original kept none of them.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src 'max_delete = 90%'
tool initdb
touch probe
if ! setfattr -n user.colour -v blue probe 2>/dev/null || ! setfacl -m u:12345:r probe 2>/dev/null; then
    echo 'SKIPPED: no attributes or access control lists on this file system'
    exit
fi
{
echo 'one file' >src/a
ln src/a src/b
mkdir src/sub
ln src/a src/sub/c
mkfifo -m 640 src/pipe
truncate -s 64M src/hole
printf 'middle' | dd of=src/hole bs=1M seek=32 conv=notrunc status=none
echo 'attributed' >src/attributed
setfattr -n user.colour -v blue src/attributed
setfacl -m u:12345:rw src/attributed
setfacl -d -m u:12345:rx src/sub
chmod 2750 src/sub
touch -d '2001-02-03 04:05:06.123456789Z' src/a src/hole src/pipe
# back: restores what is stored, and looks
back() {
    rm -rf out
    mkdir out
    tool -q restore --yes --to out --source s3
    ends
    same src "out$PWD/src"
    (cd "out$PWD/src" && [[ a -ef b && a -ef sub/c ]] && echo linked)
    (cd "out$PWD/src" && getfattr --absolute-names -d attributed; getfacl -cn attributed sub)
    echo "blocks: $(($(stat -c %b "out$PWD/src/hole") < 1000))"
}
now 'kept'
tool -q backup
ends
stored
back
now 'the same again'
as_it_is >before
tool -q backup
as_it_is | cmp - before && echo untouched
now 'the name goes that has the content: the others keep it'
rm src/a
tool -q backup
ends
stored
rm -rf out
mkdir out
tool -q restore --yes --to out --source s3
same src "out$PWD/src"
[[ "out$PWD/src/b" -ef "out$PWD/src/sub/c" ]] && echo linked
now 'another attribute, and nothing else'
setfattr -n user.colour -v red src/attributed
setfacl -m u:12346:rw src/attributed
tool -q backup
rm -rf out
mkdir out
tool -q restore --yes --to out
getfattr --absolute-names -d "out$PWD/src/attributed"
getfacl -cpn "out$PWD/src/attributed" | grep 1234
now 'permissions, which are stored without the content'
chmod 640 src/attributed src/hole
tool -q backup
ends
rm -rf out
mkdir out
tool -q restore --yes --to out
ends
same src "out$PWD/src"
getfattr --absolute-names -d "out$PWD/src/attributed"
getfacl -cpn "out$PWD/src/attributed" | grep 1234
} 2>&1 | sed "s,$PWD,HERE,g"
