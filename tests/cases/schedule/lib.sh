# shellcheck shell=bash
# What the cases of doc/schedule have in common. A case begins with:  . "$CASES/lib.sh"; . "$CASES/schedule/lib.sh"

project=$(cd "$CASES/../.." && pwd)
schedule=$project/doc/schedule
here=$(uname -n)
here=${here%%.*}

# recipes: those that are installed
recipes() { sed -n 's/^RECIPES = //p' "$project/Makefile" | tr ' ' '\n'; }

# install_all: as `make install` does, below $PWD/usr/local
install_all() {
    local tool
    mkdir -p usr/local/bin usr/local/share/s3pipes
    for tool in $(recipes); do cp "$project/recipes/$tool" usr/local/bin; done
    cp "$project"/recipes/*.sh usr/local/share/s3pipes
    for tool in s3put s3get s3ls s3prune s3chunk s3seal s3rate; do ln -s "$(command -v $tool)" usr/local/bin; done
}

# configure PREFIX: all that the README says is in /etc/s3pipes, for a place below PREFIX of the bucket
configure() {
    local keys="region $AWS_REGION
server $AWS_ENDPOINT_URL_S3
bucket_name ${S3_BUCKET#s3://}/$1
"
    mkdir -p etc/s3pipes
    chmod 700 etc/s3pipes
    echo 'root:x:0:0:' >etc/passwd
    (umask 077 && printf '%saccess_key_id creator\nsecret_access_key creatorsecret\n' "$keys" >etc/s3pipes/s3keys)
    (umask 077 && printf '%saccess_key_id test\nsecret_access_key testsecret\n' "$keys" >etc/s3pipes/restore.s3keys)
    cp -p etc/s3pipes/restore.s3keys etc/s3pipes/prune.s3keys
    (umask 077 && s3seal -q --keygen >etc/s3pipes/key.txt)
    sed -n 's/^# public key: //p' etc/s3pipes/key.txt >etc/s3pipes/recipients.txt
    (umask 077 && printf '[main]\nrecipients=%s\n' "$PWD/etc/s3pipes/recipients.txt" >etc/s3pipes/s3backup.ini)
    mkdir -p srv/photos srv/music
    echo 'picture' >srv/photos/picture
    echo 'song' >srv/music/song
    mkdir -p var/lib/s3pipes/s3napback var/lib/s3pipes/s3backuptool var/lib/prometheus/node-exporter
    {
        printf '%s\n' "DiffDir $PWD/var/lib/s3pipes/s3napback" 'Host ember' "Bucket ${S3_BUCKET#s3://}/$1" \
            "Endpoint $AWS_ENDPOINT_URL_S3" "S3Keyfile $PWD/etc/s3pipes/restore.s3keys" "Directory $PWD/srv/music 1 3 1"
    } >etc/s3pipes/s3napback.conf
    (
        umask 077
        printf '%s\n' '[photos]' "path = $PWD/srv/photos" "db_location = $PWD/var/lib/s3pipes/s3backuptool" \
            "s3_bucket = $S3_BUCKET/$1" "endpoint_url = $AWS_ENDPOINT_URL_S3" "region = $AWS_REGION" \
            "aws_access_key_id = $AWS_ACCESS_KEY_ID" "aws_secret_access_key = $AWS_SECRET_ACCESS_KEY" >etc/s3pipes/s3backuptool.conf
    )
    usr/local/bin/s3backuptool -q -c etc/s3pipes/s3backuptool.conf initdb
}

# below_here: moves the absolute paths of examples to this folder
below_here() {
    sed "s#%d/#$PWD/credentials/#g; s#\(^\|[ =:]\)/\(etc\|srv\|var/lib\|usr/local\)/#\1$PWD/\2/#g; s# -C / # -C $PWD #"
}

# services: the names of the recipes that have one
services() { (cd "$schedule/systemd" && printf '%s\n' *.service) | sed 's/^s3pipes-//; s/\.service$//'; }

# by_systemd NAME: runs the command of that service as systemd would, as far as that can be done without it
by_systemd() {
    local unit=$schedule/systemd/s3pipes-$1.service command path name source
    rm -rf credentials
    (umask 077 && mkdir credentials)
    while IFS=: read -r name source; do
        cp "$(below_here <<<"$source")" "credentials/$name"
        chmod 400 "credentials/$name"
    done < <(sed -n 's/^LoadCredential=//p' "$unit")
    path=$(sed -n 's/^Environment=PATH=//p' "$unit" | below_here)
    command=$(sed -n 's/^ExecStart=//p' "$unit" | below_here)
    (
        state=$(sed -n 's/^StateDirectory=//p' "$unit")
        cd / && umask 077
        # shellcheck disable=SC2030
        exec env -i PATH="${path:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}" LANG=C.UTF-8 \
            AWS_EC2_METADATA_DISABLED=true ${state:+STATE_DIRECTORY="$OLDPWD/var/lib/$state"} sh -c "exec $command"
    ) </dev/null
}

# jobs_of_cron [NAME]: the commands of the crontab; those of that recipe
jobs_of_cron() {
    sed -n 's/^[0-9*][^ ]*\( [^ ]*\)\{4\} root //p' "$schedule/s3pipes.cron" | grep -E "(^|\| )${1:-.}"
}

# by_cron COMMAND: runs it as cron would; the state goes to this folder, and not to that of root
by_cron() {
    local path
    path=$(sed -n 's/^PATH=//p' "$schedule/s3pipes.cron" | below_here)
    (
        command=$(below_here <<<"$1")
        cd / && exec env -i HOME=/root LOGNAME=root SHELL=/bin/sh PATH="$path" AWS_EC2_METADATA_DISABLED=true \
            XDG_STATE_HOME="$OLDPWD/var/lib" /bin/sh -c "$command"
    ) </dev/null
}

# plain: names and moments that differ from run to run
plain() {
    sed -E "s/\<$here:/HERE:/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}Z(~[0-9a-f]{16})?/TIME/g; s/host=\"$here\"/host=\"HERE\"/; s/canary-[0-9a-f]{32}/canary-XXX/g
        s#$PWD#SCRATCH/desk#g; s#[^ /]*-[0-9a-f]{12}\.known#NAME.known#g"
}
