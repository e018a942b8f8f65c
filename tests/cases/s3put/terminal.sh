# needs: script
# Nobody types a backup, and nobody wants one on the screen.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

echo 'data' | s3put -q --host ember --date "$day" /home 0 >receipt
script -qec 's3get --host ember /home 0' typescript </dev/null | tr -d '\r'
echo "exit ${PIPESTATUS[0]}"
script -qec 's3put --host ember --date 2019-11-29 /home 0' typescript </dev/null | tr -d '\r'
echo "exit ${PIPESTATUS[0]}"
now "what isn't the dump itself may go there"
script -qec 's3get --host ember --verify /home 0' typescript </dev/null | tr -d '\r'
echo "exit ${PIPESTATUS[0]}"
