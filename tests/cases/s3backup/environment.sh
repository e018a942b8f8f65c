# on: s3serve
# The recipe by a link, installed, in cron's environment, in systemd's, with a settings file, and in two shells at once.

. "$CASES/lib.sh"
. "$CASES/s3backup/lib.sh"
s3put -q --make-bucket
recipe=$(command -v s3backup)
tools=$(dirname "$(command -v s3put)")
mkdir src out bin credentials
echo data >src/file
ini
mv s3backup.ini credentials
cat >my.keys <<END
region $AWS_REGION
bucket_name ${S3_BUCKET#s3://}
access_key_id $AWS_ACCESS_KEY_ID
secret_access_key $AWS_SECRET_ACCESS_KEY
server $AWS_ENDPOINT_URL_S3
END
bare() { env -i PATH="/usr/bin:/bin:$tools" AWS_EC2_METADATA_DISABLED=true "$@"; }
ln -s "$recipe" bin/s3backup

now 'from cron: next to nothing is there'
mkdir home
plainly bare XDG_STATE_HOME="$PWD/home" "$PWD/bin/s3backup" -c --settings my.keys --config credentials/s3backup.ini -f src -n one -a backup
find home -name '*.known' | plain
now 'from systemd: not even that, but a folder for the state'
plainly bare STATE_DIRECTORY="$PWD/systemd" "$PWD/bin/s3backup" -cq --settings my.keys --config credentials/s3backup.ini -f src -n two -a backup
find systemd -name '*.known' | plain
now 'installed: recipe and tools in bin, the library in share'
mkdir -p usr/bin usr/share/s3pipes
cp "$recipe" usr/bin
cp "$(dirname "$recipe")/lib.sh" usr/share/s3pipes
for tool in s3put s3get s3ls s3prune s3chunk s3seal; do ln -s "$tools/$tool" usr/bin; done
plainly env -i PATH=/usr/bin:/bin AWS_EC2_METADATA_DISABLED=true usr/bin/s3backup -c --settings my.keys --config credentials/s3backup.ini -f out -n two -a restore
cat out/file
now 'without a tool'
rm usr/bin/s3chunk
plainly env -i PATH=/usr/bin:/bin HOME="$PWD/home" usr/bin/s3backup -c --settings my.keys --config credentials/s3backup.ini -f src -a backup
now 'without a bucket'
plainly bare XDG_STATE_HOME="$PWD/home" "$PWD/bin/s3backup" -c --config credentials/s3backup.ini -f src -a backup
now 'a key that may only write'
plainly bare XDG_STATE_HOME="$PWD/home" AWS_ACCESS_KEY_ID=writer AWS_SECRET_ACCESS_KEY=writersecret AWS_REGION="$AWS_REGION" \
    AWS_ENDPOINT_URL_S3="$AWS_ENDPOINT_URL_S3" "$PWD/bin/s3backup" -cq -b "${S3_BUCKET#s3://}" --config credentials/s3backup.ini -f src -n three -a backup
plainly bare XDG_STATE_HOME="$PWD/home" AWS_ACCESS_KEY_ID=writer AWS_SECRET_ACCESS_KEY=writersecret AWS_REGION="$AWS_REGION" \
    AWS_ENDPOINT_URL_S3="$AWS_ENDPOINT_URL_S3" "$PWD/bin/s3backup" -c -b "${S3_BUCKET#s3://}" --config credentials/s3backup.ini -f src -n three -a backup
s3ls -q -0 | tr '\0' '\n' | plain
now 'another server may have a bucket of the same name: what the one holds is not taken for what the other does'
sed 's/127\.0\.0\.1/localhost/' my.keys >other.keys
for keys in my.keys other.keys; do
    plainly bare XDG_STATE_HOME="$PWD/home" "$PWD/bin/s3backup" -c --settings $keys --config credentials/s3backup.ini -f src -n one -a backup |
        grep Uploaded
done
