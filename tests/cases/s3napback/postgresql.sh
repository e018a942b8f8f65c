# needs: faketime pg_dump psql runuser
# A real PostgreSQL, on a socket in a folder of its own: one database as a user, all of them, and back.

. "$CASES/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
bin=$(compgen -G '/usr/lib/postgresql/*/bin' | tail -n 1)
[ -x "$bin/initdb" ] || echo 'SKIPPED: not installed: the server of PostgreSQL'
# It doesn't run as root, and the folder must be one that the other user can reach.
place=$(mktemp -d /tmp/s3napback-XXXXXX)
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    chown nobody "$place"
    as() { (cd / && runuser -u nobody -- "$@"); }
fi
trap 'as "$bin/pg_ctl" -D "$place/data" -m immediate stop >/dev/null 2>&1; rm -rf "$place"' EXIT
as "$bin/initdb" -D "$place/data" -U postgres -A trust --no-sync >init.log 2>&1 || tail init.log
as "$bin/pg_ctl" -D "$place/data" -w -l "$place/log" -o "-c listen_addresses='' -c unix_socket_directories=$place -c fsync=off" start >start.log || tail start.log
export PGHOST=$place
sql() { psql -X -q -t -A -U postgres "$@"; }
sql -c 'create role keeper login superuser' -c 'create database ledger owner keeper' postgres
sql -c 'create table t (x int, y text)' -c "insert into t values (1, 'one'), (2, null)" ledger
{
    start
    cat <<END
PostgreSQL keeper@ledger 1 0 7
<PostgreSQL all>
    PostgreSQLOptions --username=postgres
</PostgreSQL>
PostgreSQL keeper@nowhere
END
} >conf
napback 2>&1 | sed "s,$place,PLACE,"
echo "exit ${PIPESTATUS[0]}"
now 'restored'
sql -c 'drop table t' ledger
s3napback -q -c conf restore PostgreSQL/keeper@ledger | sql -o /dev/null ledger
sql -c 'select * from t order by x' ledger
s3napback -q -c conf restore PostgreSQL/all | grep -c 'CREATE DATABASE ledger'
