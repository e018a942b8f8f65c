# on: file s3serve
# needs: sqlite3 jq
# A file changes while it is stored. That is said, and the next run stores it again: the original took no notice.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
tool initdb
{
mkdir bin
# A tar that is slow: when it has read the file, the file grows.
cat >bin/tar <<'END'
#!/bin/sh
PATH=${PATH#*:}
tar "$@"
status=$?
echo 'more' >>src/log
exit $status
END
chmod 755 bin/tar
echo 'one' >src/log
echo 'other' >src/other
PATH=$PWD/bin:$PATH tool backup
ends
s3get -q -k "src$PWD/src/log"
now 'the next run'
tool backup
ends
s3get -q -k "src$PWD/src/log"
tool backup
ends
now 'a file that goes away when it is to be read'
cat >bin/tar <<'END'
#!/bin/sh
PATH=${PATH#*:}
rm -f src/new
exec tar "$@"
END
echo 'new' >src/new
PATH=$PWD/bin:$PATH tool backup
ends
rows
now 'a tar that dies: what came whole is stored, the rest by the next run'
cat >bin/tar <<'END'
#!/bin/bash
PATH=${PATH#*:}
set -o pipefail
tar "$@" | head -c 20000
kill -9 $$
END
seq 1000 >src/1000
seq 100000 >src/100000
PATH=$PWD/bin:$PATH tool -q backup
ends
rows
tool backup
ends
rows
now 'a file was renamed, and cannot be read: what is stored under its old name stays'
cat >bin/tar <<'END'
#!/bin/sh
PATH=${PATH#*:}
mv src/renamed src/again
exec tar "$@"
END
mv src/other src/renamed
PATH=$PWD/bin:$PATH tool backup --max-delete 90%
ends
s3get -q -k "src$PWD/src/other"
now 'until it is stored under the new one'
tool -q backup --max-delete 90%
ends
rows
s3get -q -k "src$PWD/src/again"
now 'an s3put that dies is a failure, whatever else there is to say'
cat >bin/tar <<'END'
#!/bin/sh
PATH=${PATH#*:}
tar "$@"
echo 'more' >>src/log
END
cat >bin/s3put <<'END'
#!/bin/sh
PATH=${PATH#*:}
s3put "$@"
kill -9 $$
END
chmod 755 bin/s3put
echo 'more' >>src/log
PATH=$PWD/bin:$PATH tool backup 2>&1 | grep -v 'Killed\|s3backuptool-state.sh: line'
echo "exit ${PIPESTATUS[0]}"
} 2>&1 | sed "s,$PWD,HERE,g; s,^s3put: error: .*,s3put: error: WHY,"
