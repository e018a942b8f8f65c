# needs: faketime curl socat
# What a run tells: a log, a mail, a file for Prometheus, a ping.

. "$CASES/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
mkdir home bin
# Whoever takes the mail.
printf '#!/bin/sh\n{ echo "sendmail $*"; cat; } >>%s/mail\n' "$PWD" >bin/sendmail
chmod +x bin/sendmail
PATH=$PWD/bin:$PATH
# And the pings: the first line of each, and what came along.
cat >answer <<'END'
#!/bin/bash
IFS=' ' read -r verb path _
length=0
while IFS=: read -r name value && [ "$name" != $'\r' ]; do
    [ "${name,,}" != content-length ] || length=${value//[^0-9]/}
done
body=$(head -c "$length")
printf '%s %s\n%s\n' "$verb" "$path" "$body" >>pings
printf 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK'
END
chmod +x answer
socat -d -d TCP-LISTEN:0,bind=127.0.0.1,reuseaddr,fork EXEC:./answer 2>socat.log &
server=$!
trap 'kill $server' EXIT
comes_true grep -qs listening socat.log
port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' socat.log)
{
    start
    cat <<END
NotifyEmail admin@example.org,  ops@example.org   # implemented
LogFile $PWD/log
LogLevel 2                                       # implemented
PrometheusFile $PWD/napback.prom
HealthcheckURL http://127.0.0.1:$port/0f3b-secret
Directory $PWD/home
END
} >conf
plain() { sed "s,$PWD,SCRATCH/desk,g; s/, [0-9.]*[KM]\?: ember:/, SIZE: ember:/; s/newest_dump_bytes{\(.*\)} .*/newest_dump_bytes{\1} BYTES/; s/^[^ ]* s3napback\[[0-9]*\]/TIME s3napback[PID]/"; }
# told: all that was told, once
told() {
    for file in mail log napback.prom pings; do
        echo "[$file]"
        plain <$file
    done
    rm -f mail log pings
}
napback -q
ends
told
stat -c '%A' napback.prom
now 'a failure'
echo "Directory $PWD/none" >>conf
clock 2026-03-21
napback -q 2>&1 | plain
told
now 'nothing is due, and nothing is wrong: no mail, and a ping'
sed -i '/none/d' conf
napback -q
ls mail 2>&1
plain <pings
now 'a mail only if something fails'
echo 'NotifyOn failure' >>conf
clock 2026-03-22
napback -q
ls mail 2>&1
now 'nobody takes the report: the dump is stored, and the exit status says that something was left'
printf '#!/bin/sh\nexit 75\n' >bin/sendmail
sed -i '/NotifyOn/d; s/HealthcheckURL.*/HealthcheckURL http:\/\/127.0.0.1:1\/x/; s/LogFile .*/LogFile \/nowhere\/log/' conf
clock 2026-03-23
napback 2>&1 | sed 's/^curl:.*/curl: .../' | uniq | plain
echo "exit ${PIPESTATUS[0]}"
