# on: file s3serve
# needs: sqlite3
# The environment of cron and of systemd holds next to nothing. What there is to know is in the configuration.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
section src
{
recipe=$(command -v s3backuptool)
tools=$(dirname "$(command -v s3put)")
[[ -z ${AWS_ENDPOINT_URL_S3:-} ]] ||
    printf '%s\n' "endpoint_url = $AWS_ENDPOINT_URL_S3" "region = $AWS_REGION" "aws_access_key_id = $AWS_ACCESS_KEY_ID" \
        "aws_secret_access_key = $AWS_SECRET_ACCESS_KEY" >>conf
echo 'data' >src/file
mkdir -p usr/bin usr/share/s3pipes
cp "$recipe" usr/bin
cp "$(dirname "$recipe")"/*.sh usr/share/s3pipes
for tool in s3put s3get s3ls s3prune s3seal; do ln -s "$tools/$tool" usr/bin; done
for command in initdb '-q backup' stats 'restore --yes --to out'; do
    now "$command"
    # shellcheck disable=SC2086 # words of a command
    (cd / && env -i PATH=/usr/bin:/bin HOME=/nonexistent "$OLDPWD/usr/bin/s3backuptool" -c "$OLDPWD/conf" ${command/out/$OLDPWD/out}) </dev/null
    ends
done
same src "out$PWD/src"
now 'no HOME, and the tools are nowhere'
env -i PATH=/usr/bin:/bin "$recipe" -c conf backup
ends
} 2>&1 | sed "s,$PWD,HERE,g; /mtime/d"
