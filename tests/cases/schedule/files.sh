# needs: systemd-analyze crontab
# Units and crontab are what systemd and cron take; each recipe has an example; services may do little.

. "$CASES/lib.sh"
. "$CASES/schedule/lib.sh"
# systemd wants to see the programs.
install_all
cp -r "$schedule/systemd" units
sed -i "s#=/usr/local/bin/#=$PWD/usr/local/bin/#" units/*.service
cd units || exit
systemd-analyze verify --man=no --recursive-errors=no ./*.service ./*.timer
ends
for unit in *.service; do
    # of 100, where a service without any of this has 96
    systemd-analyze security --offline=yes --threshold=30 "$unit" >security 2>&1 || tail -n 1 security
    [[ -e ${unit%.service}.timer ]] || echo "$unit has no timer"
done
now 'crontab'
sed 's/ root / /' "$schedule/s3pipes.cron" | crontab -n -
ends
now 'each recipe'
for recipe in $(recipes); do
    [[ -e s3pipes-$recipe.service ]] || echo "$recipe has no service"
    jobs_of_cron "$recipe" | grep -q . || echo "$recipe has no line in the crontab"
done
