# s3seal seals and opens a chunk stream member by member, and refuses what is wrong with one of them.

. "$CASES/lib.sh"
umask 077
seq 200000 >numbers
for key in key new; do s3seal -q --keygen >$key; sed -n 's/^# public key: //p' $key >$key.pub; done
s3chunk --fixed 400K <numbers >chunks
try() {
    echo "$ s3seal $*"
    s3seal "$@" <"${input:-sealed}" | wc -c
    echo "exit ${PIPESTATUS[0]}"
}

now 'each member is sealed by itself, and the name says so'
s3seal -R key.pub <chunks >sealed
ends
tar tf sealed
now 'it comes back'
s3seal -d -i key <sealed | cmp - chunks
s3seal --verify -i key <sealed
ends
s3seal -d -i key <sealed | s3chunk -d | cmp - numbers
ends
now 'each chunk is a file of age around one of zstd'
mkdir members && tar x -C members <sealed
for chunk in members/c/*; do age -d -i key "$chunk" | zstd -dc; done | cmp - numbers
age -d -i key members/index.zst.age | zstd -dc | head -n 1
now 'all members have one header, and the rest of none is that of another'
for file in members/c/* members/index*; do sed '/^---/q' "$file" | sha256sum; done | sort -u | wc -l
for file in members/c/* members/index*; do sed '1,/^---/d' "$file" | head -c 16 | sha256sum; done | sort -u | wc -l

now 'what can be known of it'
s3seal --inspect <sealed | sed 's/[0-9a-f]\{32\}/ID/; s/[0-9]* bytes/N bytes/'
echo "$(s3seal --inspect -i key <sealed | sed -n 's/^size: //p')" = "$(wc -c <sealed) bytes"
s3seal --inspect <chunks | sed 's/[0-9a-f]\{32\}/ID/'
input=sealed try --inspect -i new

now 'other compressions'
for method in none bzip2 'cmd:gzip -1' 'cmd:xz -1' 'cmd:lz4 -qc' zstd:1; do
    s3seal -z "$method" -R key.pub <chunks >other
    echo "$method: $(tar tf other | head -n 1)"
    s3seal -d -i key <other | cmp - chunks
done
s3seal -z zstd,long --plain <chunks | tar tf - | head -n 1
s3seal -z 'cmd:cat' --plain <chunks | wc -c
s3seal -z 'cmd:false' --plain <chunks | wc -c
s3seal -z 'cmd:gzip | head -c 100' --plain <chunks | s3seal --verify 2>/dev/null
echo "${PIPESTATUS[*]}"
now 'only compressed'
s3seal --plain <chunks >plain
tar tf plain | tail -n 3
s3seal -d <plain | cmp - chunks
now 'only the seal comes off'
s3seal -d -i key -Z none <sealed | tar tf - | head -n 1
s3seal -d -i key -Z none <sealed | s3seal -R new.pub | s3seal -d -i new | cmp - chunks
now 'lengths are hidden'
s3seal --pad -R key.pub <chunks >padded
s3seal -d -i key <padded | cmp - chunks
tar x -C members <padded && zstd -d <(age -d -i key members/c/0000000000.zst.age) -c | cmp -n 409600 - numbers
age -d -i key members/c/0000000000.zst.age | wc -c

now 'a passphrase'
echo 'correct horse' >word
s3seal --passphrase-file word <chunks | s3seal -d --passphrase-file word | cmp - chunks

now 'other recipients'
s3seal --rewrap -i key -R new.pub <sealed >rewrapped
ends
s3seal -d -i new <rewrapped | cmp - chunks
input=rewrapped try -d -i key
input=chunks try --rewrap -i key -R new.pub

now 'what can not be sealed'
try -R key.pub
s3chunk --fixed 400K --numbered <numbers >pieces
input=pieces try -R key.pub
input=pieces try -d -i key
head -c 500000 chunks >cut
input=cut try -R key.pub
s3seal -R key.pub <cut 2>/dev/null | s3seal --verify -i key
now 'what can not be opened'
try -d
try -d -i new
input=chunks try -d -i key
input=chunks try -d
input=plain try -d -i key
s3seal -d -i key --plain <plain | cmp - chunks
cut=$(($(wc -c <sealed) - 1))
for length in $cut 100000 1536 1024 1023; do
    head -c "$length" sealed >cut
    s3seal -d -i key <cut >/dev/null; ends
done
cp sealed damaged
printf 'eight x.' | dd of=damaged bs=1 seek=100000 conv=notrunc status=none
input=damaged try -d -i key
# Whoever changes a name has to change the sum of its header, too: 'zst' and 'tsz' have the same.
sed 's,c/0000000001.zst.age,c/0000000001.tsz.age,' sealed >damaged
input=damaged try -d -i key

now 'what is a chunk stream no longer is an ordinary one'
gzip <chunks | s3seal -R key.pub | s3seal -d -i key | gunzip | cmp - chunks
head -c 1023 chunks | s3seal -R key.pub | s3seal -d -i key | cmp - <(head -c 1023 chunks)
now 'a reader that goes away'
seq 3000000 | s3chunk | s3seal -z none -R key.pub | head -c 100000 | wc -c
echo "${PIPESTATUS[*]}"
