# In the environments of cron and systemd: found by a link, a short PATH, no HOME, nothing else; and installed.

. "$CASES/lib.sh"
PATH=$(cd "$CASES/../../recipes" && pwd):$PATH
s3put -q --make-bucket
recipe=$(command -v s3napback)
tools=$(dirname "$(command -v s3put)")
mkdir home state bin
{ printf 'DiffDir %s/state\nHost ember\nBucket %s\nDirectory %s\n' "$PWD" "$S3_BUCKET" "$PWD/home"; } >conf
echo 'data' >home/file
plain() { sed "s,$PWD,SCRATCH/desk,g; s/, [0-9.]*[KM]\?: ember:/, SIZE: ember:/"; }
now 'by a link'
ln -s "$recipe" bin/s3napback
(cd / && env -i PATH="/usr/bin:/bin:$tools" "$OLDPWD/bin/s3napback" -c "$OLDPWD/conf") 2>&1 | plain
now 'installed: the recipe and the tools in bin, what it reads in share'
mkdir -p usr/bin usr/share/s3pipes
cp "$recipe" usr/bin
cp "$(dirname "$recipe")"/*.sh usr/share/s3pipes
for tool in s3put s3get s3ls s3prune s3seal; do ln -s "$tools/$tool" usr/bin; done
env -i PATH=/usr/bin:/bin usr/bin/s3napback -f -c conf 2>&1 | plain
env -i PATH=/usr/bin:/bin usr/bin/s3napback -q -c conf restore "$PWD/home" -C back
cat "back$PWD/home/file"
now 'without the tools'
env -i PATH=/usr/bin:/bin bin/s3napback -c conf 2>&1 | plain
echo "exit ${PIPESTATUS[0]}"
now 'with no standard input and no terminal'
env -i PATH="/usr/bin:/bin:$tools" setsid "$PWD/bin/s3napback" -f -c conf <&- 2>&1 | plain
