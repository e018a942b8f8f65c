# Where s3probe finds keys, and that nobody else sees them.
# on: s3serve
# needs: curl jq
. "$CASES/lib.sh"
. "$CASES/s3probe/lib.sh"
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY

now 'a settings file'
printf '%s\n' '# of the writer' "server $AWS_ENDPOINT_URL_S3" "bucket_name ${S3_BUCKET#s3://}" 'access_key_id  creator ' \
    'secret_access_key creatorsecret' >creator.keys
(
    unset S3_BUCKET AWS_ENDPOINT_URL_S3
    plainly s3probe -q -f creator.keys --admin-settings admin.keys
)

now 'a profile for each key'
mkdir -p ~/.aws
cat >~/.aws/credentials <<'END'
[backup]
aws_access_key_id = creator
aws_secret_access_key=creatorsecret
END
cat >~/.aws/config <<'END'
[profile admin]
aws_access_key_id = test
aws_secret_access_key = testsecret
END
plainly s3probe -q --profile backup --admin-profile admin
AWS_PROFILE=backup plainly s3probe -q --admin-profile admin

now 'a program that lists processes sees none of them: what curl was called with'
mkdir -p watched
cat >watched/curl <<END
#!/bin/sh
printf '%s\n' "\$@" >>$PWD/arguments
exec $(command -v curl) "\$@"
END
chmod +x watched/curl
PATH=$PWD/watched:$PATH plainly s3probe -q -f creator.keys --admin-settings admin.keys
grep -c aws-sigv4 arguments | sed 's/^[1-9][0-9]*$/curl was watched/'
grep -c secret arguments

now 'the token of a temporary key is sent along'
cat >watched/curl <<END
#!/bin/bash
for word; do [[ \$before != --config ]] || tee -a $PWD/configurations <"\$word" >/dev/null; before=\$word; done
[[ \$1 != --version ]] || exec $(command -v curl) --version
printf 403
END
AWS_ACCESS_KEY_ID=id AWS_SECRET_ACCESS_KEY='a"b\c' AWS_SESSION_TOKEN=temporary PATH=$PWD/watched:$PATH s3probe >/dev/null 2>&1
head -n 6 configurations | grep -e user -e token

now 'a role: what the program aws makes of it'
rm watched/curl
printf '[profile role]\nrole_arn = arn:aws:iam::111122223333:role/backup\nsource_profile = backup\n' >>~/.aws/config
cat >watched/aws <<'END'
#!/bin/sh
[ "$*" = 'configure export-credentials --profile role --format process' ] || exit 1
echo '{"Version": 1, "AccessKeyId": "creator", "SecretAccessKey": "creatorsecret", "Expiration": "2099-01-01T00:00:00Z"}'
END
chmod +x watched/aws
PATH=$PWD/watched:$PATH s3probe -j --profile role --admin-profile admin 2>/dev/null | jq -r 'select(.check == "put") | .result'

now 'none at all'
rm ~/.aws/credentials
plainly s3probe
plainly s3probe --profile nobody
plainly s3probe -f creator.keys --admin-settings creator.keys
