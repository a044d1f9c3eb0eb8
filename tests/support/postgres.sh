# A server of PostgreSQL for tests: in the directory $1, by the programs in $2, flushing to the disk or not as $3 says (on, off). With
# $4, the directory of another such server, it is a copy of that one, a standby once it is started.
# Each line of standard input is done and answered by a line: stop (at once), start, kill (SIGKILL to all its processes), freeze,
# thaw, promote. The end of standard input, which comes when the tests end however they end, takes everything away.
set -eu
directory=$1 programs=$2 fsync=$3 original=${4-}
# PostgreSQL refuses to be root.
if [ "$(id -u)" = 0 ]; then
    chown postgres "$directory"
    as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
else
    as() { "$@"; }
fi
cd "$directory"
start() {
    as "$programs/pg_ctl" -D data -l server.log -w -t 120 \
        -o "-k $directory -c listen_addresses='' -c fsync=$fsync -c max_connections=300" start >start.log 2>&1
}
# The server's first process, and its children.
processes() {
    read -r first <data/postmaster.pid
    children=
    read -r children <"/proc/$first/task/$first/children" || true
    echo "$first $children"
}
signal() {
    # One of them may have ended meanwhile.
    for process in $(processes); do kill "$1" "$process" 2>/dev/null || true; done
}
crash() {
    all=$(processes)
    signal -KILL
    for process in $all; do
        while [ -r "/proc/$process/stat" ] && ! grep -q ') Z ' "/proc/$process/stat"; do sleep 0.02; done
    done
    # Of a process that nobody has waited for, PostgreSQL believes that it runs.
    rm -f data/postmaster.pid .s.PGSQL.5432 .s.PGSQL.5432.lock
}
if [ -z "$original" ]; then
    as "$programs/initdb" -D data -A trust -U postgres -E UTF8 --no-locale --no-sync >initdb.log 2>&1
    start
else
    as "$programs/pg_basebackup" -D data -h "$original" -U postgres -R -c fast --no-sync >initdb.log 2>&1
fi
echo ready
while read -r order; do
    case $order in
    stop) as "$programs/pg_ctl" -D data -m immediate stop >stop.log 2>&1 ;;
    start) start ;;
    kill) crash ;;
    freeze) signal -STOP ;;
    thaw) signal -CONT ;;
    promote) as "$programs/pg_ctl" -D data -w -t 120 promote >start.log 2>&1 ;;
    esac
    echo ready
done
if [ -e data/postmaster.pid ]; then
    signal -CONT
    as "$programs/pg_ctl" -D data -m immediate stop >stop.log 2>&1 || true
fi
rm -rf "$directory"
