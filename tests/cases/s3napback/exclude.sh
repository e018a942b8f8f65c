# What is left out: a pattern that begins with / is a path, any other one fits anywhere. A folder that moved, and one that
# became a file, come back as they are. A list shows what there is.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
PATH=$(cd "$CASES/../../recipes" && pwd):$PATH
s3put -q --make-bucket
mkdir -p state home/{cache,yard/cache,logs} 'home/two words'
touch home/{cache,yard/cache,logs,'two words'}/file home/a.o home/yard/b.o home/keep
{
    printf 'DiffDir %s/state\nHost ember\n' "$PWD"
    cat <<END
<Directory $PWD/home>
    Exclude $PWD/home/cache *.o
    Exclude "two words"
</Directory>
END
} >conf
s3napback -q -c conf
s3napback -q -c conf restore "$PWD/home" -C back
(cd "back$PWD/home" && find . | sort)
now 'moved, and become a file'
mv home/yard home/play
rm -r home/logs
echo 'a file now' >home/logs
s3napback -q -f -c conf
s3napback -q -c conf restore "$PWD/home" -C again
(cd "again$PWD/home" && find . | sort)
cat "again$PWD/home/logs"
now 'onto an older state: what is gone since is removed there'
s3napback -q -c conf restore "$PWD/home" -C back
diff -r "again$PWD/home" "back$PWD/home" && echo 'the same'
now 'a list'
s3napback -c conf list | sed "s,$PWD,SCRATCH/desk,; s/T[0-9]*Z: .*/.../; s/:.* (.*/: .../"
now 'of another host there is nothing'
s3napback -c conf restore "$PWD/home" --host elsewhere 2>&1 | sed "s,$PWD,SCRATCH/desk,"
