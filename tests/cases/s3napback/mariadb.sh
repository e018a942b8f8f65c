# needs: faketime mariadbd mariadb-install-db mariadb mysqldump
# A real MariaDB, on a socket in this folder: one database, all of them, through a socket that the target names; and back.

. "$CASES/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
# As whoever runs this; root is to be named.
who=$(id -un)
socket=$(mktemp -u /tmp/s3napback-XXXXXX.sock)
mariadb-install-db --no-defaults --user="$who" --auth-root-authentication-method=normal --datadir="$PWD/data" --skip-test-db >install.log 2>&1 || tail install.log
mariadbd --no-defaults --user="$who" --datadir="$PWD/data" --socket="$socket" --skip-networking --innodb-buffer-pool-size=8M --innodb-flush-log-at-trx-commit=0 --pid-file="$PWD/pid" 2>server.log &
server=$!
trap 'kill $server; wait $server; rm -f "$socket"' EXIT
sql() { mariadb --no-defaults -u root -S "$socket" "$@"; }
comes_true sql -e 'select 1' >/dev/null 2>&1
sql <<'END'
create database shop;
create table shop.things (id int primary key, name varchar(50));
insert into shop.things values (1, 'pen'), (2, 'it''s "ink"');
create database `two words`;
create table `two words`.t (x int);
create user backup@localhost identified by 'not in any argument';
grant all on *.* to backup@localhost;
END
# The password is where mysqldump looks for it.
export HOME=$PWD/me
mkdir me
printf '[client]\nuser=backup\npassword="not in any argument"\nsocket=%s\n' "$socket" >me/.my.cnf
{
    start
    cat <<END
MySQL shop 1 0 2
<MySQL "two words">
    MySQLOptions --single-transaction "--default-character-set=utf8mb4"
    UseTempFile On
    TempDirIsNot Known
</MySQL>
END
} >conf
now 'a wrong directive stops everything'
napback
sed -i /TempDirIsNot/d conf
echo 'MySQL all' >>conf
echo "MySQL $socket:mysql" >>conf
napback 2>&1 | sed "s,${socket//\//.},/SOCKET,g"
echo "exit ${PIPESTATUS[0]}"
now 'restored'
s3napback -q -c conf restore MySQL/shop >shop.sql
ends
grep -c 'Dump completed' shop.sql
sql -e 'drop table shop.things'
sql shop <shop.sql
sql -e 'select * from shop.things'
s3napback -q -c conf restore all -C back
grep -c 'CREATE DATABASE.*two words' back/all.sql
ls back
now 'two are kept'
for day in 21 22 23; do
    clock 2026-03-$day
    napback shop
done
keys | grep shop
now 'a database that is not there'
echo 'MySQL nowhere' >>conf
napback nowhere 2>&1 | sed 's/mysqldump: Got error.*/mysqldump: Got error .../'
echo "exit ${PIPESTATUS[0]}"
keys | grep nowhere || echo 'nothing of it is stored'
