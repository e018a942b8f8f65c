# s3seal makes keys, seals for them, opens, and tells what a sealed stream is.

. "$CASES/lib.sh"
s3put -q --make-bucket
seq 100000 >numbers
umask 077

now 'keys'
s3seal --keygen >key 2>said
sed 's/age1[0-9a-z]*/RECIPIENT/' said
sed 's/age1[0-9a-z]*/RECIPIENT/; s/[0-9A-Z]*$/&/; s/\(AGE-SECRET-KEY-1\).*/\1.../' key
s3seal -q --keygen --pq | sed 's/\(age1pq1\).*/\1.../; s/\(AGE-SECRET-KEY-PQ-1\).*/\1.../'
s3seal -q --keygen --pq >quantum
sed -n 's/^# public key: //p' key >key.pub
sed -n 's/^# public key: //p' quantum >quantum.pub
wc -c <quantum.pub

now 'sealed, stored, restored'
s3seal -R key.pub <numbers | s3put -q --host ember --date 2019-11-30 numbers 0 >/dev/null
ends
s3get --host ember --date 2019-11-30 numbers 0 | s3seal -d -i key | cmp - numbers
ends
now 'checked only'
s3seal -r "$(cat key.pub)" <numbers >sealed
s3seal --verify -i key <sealed
ends

now 'what can be known of it'
s3seal --inspect <sealed | sed 's/[0-9]* bytes/N bytes/'
s3seal --inspect -i key <sealed | grep compression
s3seal -z none -R key.pub <numbers >plain
s3seal --inspect <plain
zstd -q <numbers | s3seal --inspect | grep -v size
echo "$(s3seal --inspect <plain | sed -n 's/^size: //p')" = "$(wc -c <plain) bytes"

now 'other recipients, the same payload'
s3seal -q --keygen >new; sed -n 's/^# public key: //p' new >new.pub
s3seal --rewrap -i key -R new.pub -R key.pub <sealed >rewrapped
ends
s3seal -d -i new <rewrapped | cmp - numbers
cmp <(tail -c 10000 sealed) <(tail -c 10000 rewrapped)
s3seal --rewrap -i key -R quantum.pub <sealed >rewrapped
s3seal --inspect <rewrapped | sed 's/[0-9]* bytes/N bytes/'
s3seal -d -i quantum <rewrapped | cmp - numbers
s3seal -d -i key <rewrapped
ends
s3seal --rewrap -i new -R key.pub <sealed | wc -c
age -a -R key.pub <sealed | s3seal --rewrap -i key -R new.pub | s3seal -d -i new | cmp - sealed

now 'a passphrase'
echo 'correct horse' >word
s3seal --passphrase-file word <numbers >sealed
s3seal -d --passphrase-fd 5 <sealed 5<word | cmp - numbers
ends
echo 'battery staple' >other
s3seal -d --passphrase-file other <sealed
ends
s3seal --inspect <sealed | sed 's/[0-9]* bytes/N bytes/'

now 'only compressed'
s3seal --plain <numbers | s3seal -d | cmp - numbers
ends
s3seal --plain -z none <numbers | s3seal -d --plain | cmp - numbers
ends
now 'compressed before it came'
zstd -q <numbers | s3seal -z none -R key.pub >sealed
s3seal -d -i key <sealed | cmp - numbers
s3seal -d -i key -Z none <sealed | cmp - <(zstd -q <numbers)
now 'no content'
s3seal -R key.pub </dev/null | s3seal -d -i key | wc -c
