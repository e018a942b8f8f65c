# on: s3serve
# needs: faketime
# fault: CompleteMultipartUpload#2-3:deny
# Where one full dump is kept, the old one stays until the new one is stored.

. "$CASES/lib.sh"
FAKED='date'
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
mkdir home
echo 'one' >home/one
{ start; echo "Directory $PWD/home 1 0 1"; } >conf
base=$EPOCHSECONDS
hours_ago() { CLOCK=$(printf '%(%F %T)T' $((base - $1 * 3600))); }
newest=''
# back_up: and what became of the dump that was there
back_up() {
    s3napback -q -f -c conf >said 2>&1
    echo "exit $?, stored: $(keys | wc -l)"
    if [ -n "$newest" ]; then
        if keys | grep -q "$newest"; then echo 'the one before is there'; else echo 'the one before is gone'; fi
    fi
    newest=$(keys | sed 's/.*://' | tail -n 1)
}
for ago in 40 30 20 10; do
    hours_ago $ago
    back_up
done
