# needs: faketime age age-keygen zstd
# s3seal in the line, for the recipients of age that the configuration names.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
tree home
for key in one two; do age-keygen -o $key.key 2>/dev/null; age-keygen -y $key.key >$key.pub; done
{ start; echo "AgeRecipient $(cat one.pub)"; echo "AgeRecipientsFile $PWD/two.pub"; echo 'Compress zstd:9'; echo "Directory $PWD/home 1 3 2"; } >conf
napback -q
rm home/hello
clock 2026-03-21
napback -q
now 'without the key'
s3napback -q -c conf restore "$PWD/home" -C none 2>&1 | tail -n 1 | sed "s,$PWD,SCRATCH/desk,g"
now 'with either'
for key in one two; do
    s3napback -q -c conf restore "$PWD/home" -i $key.key -C back.$key
    ends
    same home "back.$key$PWD/home"
done
now 'named in the configuration'
echo "AgeIdentity $PWD/one.key" >>conf
s3napback -q -c conf restore "$PWD/home" -C back
same home "back$PWD/home"
now 'without these tools'
s3get -k "ember:$PWD/home:0:2026-03-20T031000Z" | age -d -i two.key | zstd -d | tar -t | wc -l
