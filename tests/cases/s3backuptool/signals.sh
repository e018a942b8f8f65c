# on: file s3serve
# needs: sqlite3 jq
# A backup that is ended by a signal: what it has stored is recorded, and the next run goes on there.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
tool initdb
{
echo 'first' >src/first
echo 'second' >src/second
mkdir bin
mkfifo hold
# A tar that stops in the middle: after the folder and the first file, of three blocks each or more.
cat >bin/tar <<'END'
#!/bin/bash
PATH=${PATH#*:}
tar "$@" >archive
head -c 5120 archive
exec cat hold
END
chmod 755 bin/tar
PATH=$PWD/bin:$PATH s3backuptool -c conf backup >said 2>&1 &
recipe=$!
stored_first() { grep -q 'src/first' db/.src.scratch.*/receipts 2>/dev/null; }
comes_true stored_first
kill "$recipe"
wait "$recipe"
ends
# s3put may see the end of its input before the signal, or the other way round.
sed 's/^100% *[0-9.]* [KMGT]*i*B/100%  SPEED/; /^s3put:/d' said
rows
now 'the next run'
tool backup
ends
rows
ls -A db
} 2>&1 | sed "s,$PWD,HERE,g"
