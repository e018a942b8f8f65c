# on: s3serve
# needs: sqlite3
# Every command of doc/schedule is run in the environment that cron or systemd gives it; nothing is said that nobody has to
# know. (btrfs-send-to-s3 has a case of its own.)

. "$CASES/lib.sh"
. "$CASES/schedule/lib.sh"
install_all
stored() { s3ls -q -a -j --no-checksum -b "$S3_BUCKET/$1" | jq -r .key | grep -v s3probe-canary | plain | LC_ALL=C sort; }
{
now 'systemd'
configure systemd
for name in s3dump s3napback s3backuptool s3backup s3probe s3drill; do
    echo "$name:"
    by_systemd "$name" | grep -o '"result":"[a-z]*"'
    echo "exit ${PIPESTATUS[0]}"
done
stored systemd
grep ^s3drill_passed var/lib/prometheus/node-exporter/s3drill-etc.prom
find var/lib/s3pipes -name '*.known' -o -name evidence | sort

now 'cron'
rm -rf var srv etc
configure cron
jobs_of_cron | while IFS= read -r command; do
    [[ $command != btrfs* ]] || continue
    echo "$command" | cut -c -60
    by_cron "$command"
    ends
done
stored cron
} 2>&1 | plain
