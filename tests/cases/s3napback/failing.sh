# on: s3serve
# needs: faketime
# fault: CompleteMultipartUpload#2:deny
# fault: UploadPart#3:deny
# A backup that fails leaves the state where it was: what was new is in the next difference. A program of the line that
# fails stores nothing, even if what it wrote looks good.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
FAKED='date'
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
mkdir home
{ start; echo "Directory $PWD/home"; } >conf
# Runs at hours before this one, which the server's clock bears out.
base=$EPOCHSECONDS
hours_ago() { CLOCK=$(printf '%(%F %T)T' $((base - $1 * 3600))); }
plainly() { sed "s,$PWD,SCRATCH/desk,g; s/:[0-9]\{4\}-[0-9-]*T[0-9]*Z/:DATE/g"; }
states() { (cd state && ls -- *.diff.* | sed 's/.*\.diff\.\([0-9]*\)\..*/state of level \1/'); }
# back_up: and what it comes to
back_up() {
    napback -f | plainly
    echo "exit ${PIPESTATUS[0]}"
    states
}

echo 'one' >home/one
hours_ago 40
back_up
now 'the last request is denied'
echo 'two' >home/two
hours_ago 36
back_up
now 'and so is the first one, some hours later'
echo 'three' >home/three
hours_ago 32
back_up
now 'then all that is new since the last dump comes'
hours_ago 28
back_up
s3napback -c conf restore "$PWD/home" -C back 2>&1 | plainly
same home "back$PWD/home"

now 'tar fails'
mkdir bin
cat >bin/tar <<'END'
#!/bin/sh
/usr/bin/tar "$@"
exit $TAR
END
chmod +x bin/tar
hours_ago 24
echo 'four' >home/four
TAR=2 PATH=$PWD/bin:$PATH back_up
now 'a file that changes under its hands is a warning'
hours_ago 20
TAR=1 PATH=$PWD/bin:$PATH back_up
now 'the compressor fails'
printf '#!/bin/sh\ncat >/dev/null\necho good\nexit 3\n' >bin/s3seal
chmod +x bin/s3seal
hours_ago 16
PATH=$PWD/bin:$PATH back_up
now 'through a file that is made before anything is sent'
cp conf conf.direct
{ start; echo "TempDir $PWD/tmp"; printf '<Directory "%s/home">\nUseTempFile On\n</Directory>\n' "$PWD"; } >conf
mkdir tmp
PATH=$PWD/bin:$PATH back_up
back_up
ls tmp
now 'nothing is left unfinished'
s3ls -q --uploads --host ember
now 'one that fails does not keep another from being stored'
hours_ago 12
mkdir other
{ start; echo "Directory $PWD/none"; echo "Directory $PWD/other"; } >conf
back_up
now 'no server at all'
{ cat conf; echo 'Patience 0'; echo 'Endpoint http://127.0.0.1:1'; } >conf.none
s3napback -c conf.none 2>&1 | sed 's/: could not list .*/: could not list .../'
echo "exit ${PIPESTATUS[0]}"
