# on: s3serve radosgw
# The settings file that users of s3dump have: ~/.s3keys or -f FILE, under cron's empty environment, too.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
write_settings() {
    cat <<END
service s3
region $AWS_REGION
bucket_name ${S3_BUCKET#s3://}
access_key_id $AWS_ACCESS_KEY_ID
secret_access_key $AWS_SECRET_ACCESS_KEY
server $AWS_ENDPOINT_URL_S3
END
}
bare() { env -i PATH="$PATH" AWS_EC2_METADATA_DISABLED=true "$@"; }

write_settings >my.keys
mkdir user
cp my.keys user/.s3keys

now 'no HOME, no keys, no bucket in the environment: as cron has it'
echo 'by cron' | bare s3dump -q -f my.keys -h ember -w 2019-11-30 dump /home 0
ends
bare s3dump -f my.keys -h ember -w 2019-11-30 restore /home 0
bare s3dump -f my.keys -h ember -q list
now 'the file in the home directory'
bare HOME="$PWD/user" s3dump -h ember -w 2019-11-30 restore /home 0
now 'a file that names a bucket means it'
bare HOME="$PWD/user" S3_BUCKET=s3://another s3dump -h ember -w 2019-11-30 restore /home 0
bare S3_BUCKET=s3://another s3dump -f my.keys -h ember -w 2019-11-30 restore /home 0
now 'without any file the environment counts'
s3dump -h ember -w 2019-11-30 restore /home 0
now 'what the file leaves out comes from the environment'
grep -v -e bucket_name -e access_key my.keys >part.keys
s3dump -f part.keys -h ember -w 2019-11-30 restore /home 0
bare S3_BUCKET="$S3_BUCKET" s3dump -f part.keys -h ember -w 2019-11-30 restore /home 0 2>/dev/null
ends
now 'no file and no bucket'
bare s3dump list
ends
bare HOME="$PWD" s3dump list 2>&1
ends
now 'a file that is not there, or makes no sense; what it says is never shown'
s3dump -f no-such-file list
ends
echo 'secret_key=AbCdEf' >bad.keys
s3dump -f bad.keys list
ends
printf 'region\t x \n\n# a comment\nsecret_acces_key AbCdEf\n' >bad.keys
s3dump -f bad.keys list
ends
