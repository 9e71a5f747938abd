#!/bin/sh
# Inside, as root, under systemd: prints a line for each thing that holds, "NAME = SECONDS s" for what is measured, "end" at
# the end; stops at the first thing that does not hold.
set -eu
python=/opt/edgeface/venv/bin/python
holds() { said=$1; shift; "$@" > /tmp/out 2>&1 || { cat /tmp/out >&2; echo "does not hold: $said" >&2; exit 1; }; echo "$said"; }
now() { cut -d ' ' -f 1 /proc/uptime; }
took() { echo "$1 = $(echo "$2 $(now)" | awk '{printf "%.2f", $2 - $1}') s"; }
show() { systemctl show --value --property "$1" edgeface.service; }
# until WHAT...: waits for half a minute until a command is true
until_true() { for _ in $(seq 300); do if "$@" > /dev/null 2>&1; then return 0; fi; sleep 0.1; done; "$@"; }
restarts() { [ "$(show NRestarts)" -ge "$1" ] && [ "$(show ActiveState)" = active ]; }

sh /proof/source/systemd/install.sh --broker > /tmp/installed 2>&1 || { cat /tmp/installed >&2; exit 1; }
echo "installed, with a broker"
holds "the broker runs, with TLS" systemctl is-active mosquitto.service
echo "EDGEFACE_SOURCE=$(cat /proof/camera)" > /etc/edgeface/reader.env
mosquitto_passwd -b /etc/mosquitto/edgeface.passwd audit another
systemctl restart mosquitto.service  # this Debian has no /bin/kill to reload it with
cp /proof/person.png /tmp/person.png && chmod 644 /tmp/person.png
holds "somebody is enrolled, by the reader's own user" setpriv --reuid edgeface --regid edgeface --init-groups \
    $python -m edgeface --home /var/lib/edgeface enrol Ada /tmp/person.png --consent-by proof

began=$(now)
holds "the reader starts, and says that it is ready" systemctl start edgeface.service
took "start to ready" "$began"
holds "the broker has its health, over TLS, with the password that systemd hands over" \
    $python /proof/listen.py edgeface/reader/health '"state":'
well() { $python /proof/listen.py edgeface/reader/health '"state":' | grep -v '"trouble":"\(broker\|models\|camera\)"'; }
until_true well || true
holds "in it no trouble with broker, models or camera" well
holds "somebody before the camera is let in" sh -c "
    for _ in \$(seq 300); do journalctl -q -u edgeface -o cat | grep -q '\"outcome\": \"grant\"' && exit 0; sleep 0.1; done; exit 1"
echo "resident memory = $(awk '/VmRSS/ {printf "%.0f", $2 / 1000}' "/proc/$(show MainPID)/status") MB"
score=$(systemd-analyze security --no-pager edgeface.service | tail -1)
echo "systemd-analyze security: ${score##*: }"

pid=$(show MainPID) began=$(now)
kill -9 "$pid"
until_true restarts 1
took "kill -9 to ready, two seconds of RestartSec within" "$began"
holds "it was started anew, and its gallery is whole" test "$(show MainPID)" != "$pid"
pid=$(show MainPID) began=$(now)
kill -STOP "$pid"
until_true restarts 2
took "hung to ready: the watchdog waits ten seconds" "$began"
holds "the watchdog found it" sh -c 'journalctl -q -u edgeface -o cat | grep -q "Watchdog timeout"'
holds "somebody is let in again" $python /proof/listen.py 'edgeface/reader/+' '"grant"'
began=$(now)
systemctl stop edgeface.service
took "stop" "$began"
holds "it ended by itself" test "$(show Result)" = success

printf '#!/bin/sh\necho the hook has run\n' > /etc/edgeface/alarm && chmod 755 /etc/edgeface/alarm
mv /opt/edgeface/venv/bin/edgeface /opt/edgeface/venv/bin/edgeface.away
systemctl reset-failed edgeface.service && systemctl start edgeface.service 2> /dev/null || true
hooked() { journalctl -q -u edgeface-alarm -o cat | grep -q 'the hook has run'; }
until_true hooked || true
holds "a reader that cannot start raises the alarm, and the owner's hook runs" hooked
holds "it is said loudly" sh -c 'journalctl -q -t edgeface-alarm -p alert -o cat | grep -q "the door stays shut"'
mv /opt/edgeface/venv/bin/edgeface.away /opt/edgeface/venv/bin/edgeface
systemctl stop edgeface-alarm.service edgeface.service

sh /proof/source/systemd/install.sh --purge > /tmp/undone 2>&1 || { cat /tmp/undone >&2; exit 1; }
holds "undone: no unit, no user, no file" sh -c '
    [ ! -e /etc/systemd/system/edgeface.service ] && [ ! -e /opt/edgeface ] && [ ! -e /var/lib/edgeface ] &&
    [ ! -e /etc/edgeface ] && ! id edgeface'
echo end
