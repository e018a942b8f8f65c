# s3seal is called rightly, its streams and keys are sound; or not.

. "$CASES/lib.sh"
umask 077
seq 100000 >numbers
s3seal -q --keygen >key; sed -n 's/^# public key: //p' key >key.pub
s3seal -q --keygen >other
s3seal -q --keygen --pq >quantum; sed -n 's/^# public key: //p' quantum >quantum.pub
s3seal -R key.pub <numbers >sealed
try() {
    echo "$ s3seal $*"
    s3seal "$@" <"${input:-numbers}" | wc -c
    echo "exit ${PIPESTATUS[0]}"
}

now 'for nobody'
try
try -z none
now 'options that have no use together'
try -r x --plain
try -p -R key.pub
try -i key -R key.pub
try -d -R key.pub
try -d -i key -z none
try --plain --pad -z bzip2
try --plain --pq
try --rewrap -i key
try --rewrap -R key.pub
try --keygen --plain
try --verify --rewrap
try -d --passphrase-file a -p
now 'compressions that are none'
try --plain -z gzip
try --plain -z zstd:20
try --plain -z bzip2,long
try --plain -z cmd:
now 'recipients that are none'
try -r hello
try -r age1qqqq
try -r age1pq1qqqq
try -r "$(tail -n 1 key)" 2>&1 | sed 's/AGE-SECRET-KEY-1.*/SECRET/'
try -r 'ssh-dss AAAA'
try -r 'ssh-ed25519 AAAA'
try -R nosuch
try -R numbers
try -R /dev/null
try -r age1unheard1qqqsyqcyq5rqwq7gyq9
cat key.pub | s3seal -R /dev/stdin | wc -c
now 'one that is stronger than another'
try -R key.pub -R quantum.pub
s3seal --mixed -R key.pub -R quantum.pub <numbers | s3seal -d -i quantum | cmp - numbers

input=sealed
now 'keys that open nothing'
try -d
try -d -i other
try -d -i nosuch
try -d -i numbers
try -d -i key.pub
try -d -i /dev/null
try -d --passphrase-file /dev/null
try -d --passphrase-fd 0
chmod 644 key
s3seal -d -i key <sealed | cmp - numbers
chmod 600 key
(umask 022; echo 'correct horse' >word)
s3seal --verify -i key --passphrase-file word <sealed
rm word
now 'nobody to ask'
setsid s3seal -d -p -i other <sealed
setsid s3seal -p <numbers >none
ends

now 'streams that are not sealed'
input=numbers try -d -i key
input=numbers try -d
input=/dev/null try -d -i key
zstd -q <numbers >packed
input=packed try -d -i key
s3seal -d -i key --plain <packed | cmp - numbers
input=numbers try --inspect
input=numbers try --rewrap -i key -R key.pub

now 'streams that are not whole'
head -c 20000 sealed | s3seal -d -i key | wc -c
head -c 100 sealed | s3seal -d -i key
head -c 100 sealed | s3seal --inspect
(cat sealed; echo more) | s3seal --verify -i key
ends
head -c 10000 packed | s3seal -d | wc -c
(cat packed; echo more) | s3seal --verify
ends

now 'compressors that fail'
try -R key.pub -z 'cmd:cat; exit 3' | tail -n 1
try -R key.pub -z 'cmd:kill $$' | tail -n 1
try -R key.pub -z 'cmd:no-such-compressor 2>/dev/null' | tail -n 1
try -R key.pub -z 'cmd:head -c 10' | tail -n 1
seq 100000 | s3seal -R key.pub -z 'cmd:true' | wc -c
s3seal -R key.pub -z 'cmd:cat; exit 3' <numbers 2>/dev/null >cut
input=cut try -d -i key
now 'and decompressors'
input=sealed try -d -i key -Z 'cat; exit 4' | tail -n 1
input=sealed try -d -i key -Z ''
input=sealed try -d -i key -Z 'exit 0'
input=sealed try -d -i key -Z 'echo complaint >&2; exec zstd -dc'
gzip -c numbers | s3seal --plain -z none | PATH=${PATH%%:*} s3seal -d
ends
now 'a damaged seal stops its decompressor'
(head -c 500 sealed; head -c 100 /dev/zero; tail -c +601 sealed) | s3seal -d -i key -Z 'cat >seen; echo whole >>seen'
ends
grep -c whole seen

now 'readers and writers that go away'
yes | s3seal --plain -z none | head -n 1
echo "exit ${PIPESTATUS[1]}"
seq 1000000 | gzip | s3seal -d | head -n 1
echo "exit ${PIPESTATUS[2]}"
s3seal --plain <numbers >/dev/full
ends
s3seal --plain </
ends
