# The recipe in an environment that holds next to nothing: found by a link, no HOME, a PATH as cron has it.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
recipe=$(command -v s3dump)
tools=$(dirname "$(command -v s3put)")

now 'by a link, from elsewhere'
mkdir bin
ln -s "$recipe" bin/s3dump
echo 'data' | env -i PATH="/usr/bin:/bin:$tools" S3_BUCKET="$S3_BUCKET" "$PWD/bin/s3dump" -q -h ember -w 2019-11-30 dump /home 0
ends
now 'installed: recipe and tools in bin, the library in share'
mkdir -p usr/bin usr/share/s3pipes
cp "$recipe" usr/bin
cp "$(dirname "$recipe")/lib.sh" usr/share/s3pipes
for tool in s3put s3get s3ls s3prune; do ln -s "$tools/$tool" usr/bin; done
env -i PATH=/usr/bin:/bin S3_BUCKET="$S3_BUCKET" usr/bin/s3dump -h ember -w 2019-11-30 restore /home 0
ends
now 'without the tools'
env -i PATH=/usr/bin:/bin S3_BUCKET="$S3_BUCKET" "$PWD/bin/s3dump" list
ends
now 'with one of them, as far as it goes'
mkdir one
ln -s "$tools/s3put" one
for command in list '-q -h ember -w 2019-12-01 dump /home 0'; do
    # shellcheck disable=SC2086 # words of a command
    echo 'data' | env -i PATH="/usr/bin:/bin:$PWD/one" S3_BUCKET="$S3_BUCKET" "$PWD/bin/s3dump" $command
    ends
done
now 'without a bucket'
env -i PATH="/usr/bin:/bin:$tools" "$PWD/bin/s3dump" list
ends
