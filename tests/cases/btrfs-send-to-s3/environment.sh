# needs: btrfs mkfs.btrfs mount flock pkill getfattr setpriv
# How the recipe is called: by the names of the scripts, by cron and by systemd, by somebody who is not root, and wrongly.

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
s3put -q --make-bucket
disk disk
disk other
key me
subvolume disk/home
tree disk/home
what disk/home >tree
recipe=$(command -v btrfs-send-to-s3)
tools=$(dirname "$(command -v s3put)")

now 'by the names of the scripts'
mkdir bin
ln -s "$recipe" bin/stream_backup.sh
ln -s "$recipe" bin/restore_backup.sh
bin/stream_backup.sh -r me.pub -b "$S3_BUCKET" -p web -e daily -c STANDARD -s disk/home -S 512M -d --host h 2>&1 | plainly
echo "exit ${PIPESTATUS[0]}"
bin/restore_backup.sh -i me.key -b "$S3_BUCKET" -p web -e daily -s other -d 2>&1 | plainly
echo "exit ${PIPESTATUS[0]}"
what other/* | cmp - tree && echo 'the same'

now 'by cron: its environment, its shell, its input'
# shellcheck disable=SC2016 # expanded by that shell
: | env -i HOME=/nowhere LOGNAME=root SHELL=/bin/sh PATH="/usr/bin:/bin:$tools" S3_BUCKET="$S3_BUCKET" \
    /bin/sh -c "$recipe stream_backup -q -e daily -p web --host h -s disk/home -r me.pub" 2>&1
ends
now 'by systemd: SIGPIPE is ignored, there is no HOME, and no input'
env -i PATH="/usr/sbin:/usr/bin:/sbin:/bin:$tools" S3_BUCKET="$S3_BUCKET" \
    sh -c "trap '' PIPE; exec $recipe stream_backup -q -e daily -p web --host h -s disk/home -r me.pub" </dev/null
ends
env -i PATH="/usr/sbin:/usr/bin:/sbin:/bin:$tools" S3_BUCKET="$S3_BUCKET" \
    sh -c "trap '' PIPE; exec $recipe restore_backup -q -e daily -p web -s other -i me.key" </dev/null
ends
snapshots other
dumps

now 'installed: recipe and tools in bin, the library in share'
mkdir -p usr/bin usr/share/s3pipes
cp "$recipe" usr/bin
cp "$(dirname "$recipe")"/{lib,snapshots}.sh usr/share/s3pipes
for tool in s3put s3get s3ls s3seal; do ln -s "$tools/$tool" usr/bin; done
env -i PATH=/usr/bin:/bin S3_BUCKET="$S3_BUCKET" usr/bin/btrfs-send-to-s3 verify -e daily -p web -i me.key | plainly

now 'by somebody who is not root'
chmod 755 .. .
setpriv --reuid 65534 --clear-groups "$recipe" stream_backup -q -b "$S3_BUCKET" -e daily -s disk/home -r me.pub
ends

now 'without a program that it needs'
mkdir few
for program in bash cat readlink; do ln -s "$(command -v "$program")" few; done
env -i PATH="$PWD/few:$tools" S3_BUCKET="$S3_BUCKET" "$recipe" stream_backup -e daily -s disk/home -r me.pub 2>&1 | sed 's/find .* on/find PROGRAM on/'
echo "exit ${PIPESTATUS[0]}"

now 'called wrongly'
btrfs-send-to-s3 2>&1 | head -n 3
echo "exit ${PIPESTATUS[0]}"
bin/stream_backup.sh 2>&1 | head -n 1
echo "exit ${PIPESTATUS[0]}"
btrfs-send-to-s3 backup
ends
unset -f backup
for words in '-e' '-x' '-e daily' '-e daily -s disk/home' '-e daily -s disk/home -r me.pub more' '--at' '--nothing' '-p a:b'; do
    # shellcheck disable=SC2086 # words of a command
    btrfs-send-to-s3 stream_backup -b "$S3_BUCKET" $words
    ends
done
(unset S3_BUCKET; btrfs-send-to-s3 list)
ends
btrfs-send-to-s3 --help | head -n 1
btrfs-send-to-s3 list --help | head -n 1
btrfs-send-to-s3 --help | awk 'length > 80'
