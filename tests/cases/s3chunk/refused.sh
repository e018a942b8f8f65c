# What is not a whole chunk stream, and open, is not joined.

. "$CASES/lib.sh"
. "$CASES/s3chunk/lib.sh"
noise 1 500000 >a
s3chunk --fixed 100k <a >new
unpack new u
id=$(id <new)
all=()
for n in 0 1 2 3 4; do all+=("c/000000000$n" "@u/c/000000000$n"); done
texts=(index @u/index refs @u/refs)

try() {
    s3chunk -d >out
    ends
    cmp -n "$(stat -c %s out)" out a && echo "$(stat -c %s out) right bytes"
}

now 'made by hand, it is the same'
archive "$id" new "${all[@]}" "${texts[@]}" | cmp - new && try <new
archive "$id" whole index @u/index "${all[@]}" | try
now 'something else'
printf '' | try
seq 10 | try
gzip <new | try
s3seal --plain <a | try
(umask 077 && s3seal -q --keygen >key)
sed -n 's/^# public key: //p' key >recipient
s3seal -R recipient <a | try
now 'sealed'
s3seal -R recipient <new | try
s3seal -R recipient <new | s3seal -d -i key | try
now 'other forms'
archive "$id" part "${all[@]}" | try
archive "$id" tail "${texts[@]}" | try
s3chunk --fixed 100k --numbered <a | try
now 'cut off'
head -c 200000 new | try
head -c -512 new | try
archive "$id" whole index @u/index "${all[@]}" | head -c 320000 | try
now 'a chunk too few, in another place, twice'
archive "$id" whole index @u/index "${all[@]:0:8}" | try
archive "$id" whole index @u/index "${all[@]:0:6}" "${all[@]:8:2}" "${all[@]:6:2}" | try
archive "$id" whole index @u/index "${all[@]:0:4}" "${all[@]:2:8}" | try
archive "$id" whole index @u/index "${all[@]}" "${all[@]:8:2}" | try
archive "$id" new "${all[@]:0:8}" "${texts[@]}" | try
archive "$id" new "${all[@]}" c/0000000005 x "${texts[@]}" | try
now 'damaged, or another chunk'
printf x | dd of=u/c/0000000003 bs=1 seek=7 conv=notrunc status=none
archive "$id" whole index @u/index "${all[@]}" | try
archive "$id" new "${all[@]}" "${texts[@]}" | try
unpack new u
archive "$id" whole index @u/index "${all[@]:0:6}" c/0000000003 @u/c/0000000002 "${all[@]:8:2}" | try
now 'of another stream'
archive "$one" whole index @u/index "${all[@]}" | try
archive "$id" new "${all[@]}" index @u/index refs "$(sed "s/$id/$one/" u/refs)"$'\n' | try
archive "$id" new "${all[@]}" index @u/index refs "$(sed 's/0 0 5 1/0 0 4 1/' u/refs)"$'\n' | try
now 'an index that was changed'
sed 's/^cut .*/cut average 100/' u/index >index
archive "$id" whole index @index "${all[@]}" | try
sed '5{h;d};6G' u/index >index
archive "$id" whole index @index "${all[@]}" | try
now 'something behind it'
{ cat new; echo more; } | try
{ cat new; head -c 512 /dev/zero; } | try
