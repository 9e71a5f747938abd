#!/bin/sh
# An authority of this board's own, and the certificate that it gives the board's broker. Never replaced once they are there.
#
#   sh certificates.sh FOLDER [HOST...]      HOST: further names or addresses under which clients reach this board
#
# Clients trust FOLDER/ca.pem; FOLDER/ca.key signs, and is needed for nothing else: keep it elsewhere if you like.
set -eu
case "${1:-}" in ''|-h|--help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 64 ;; esac
folder=$1
shift
years=3653  # ten: nobody climbs up to a door reader to renew a certificate
mkdir -p "$folder" && chmod 755 "$folder"
cd "$folder"
umask 077

key() { [ -e "$1" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

if [ ! -e ca.pem ]; then
    key ca.key
    openssl req -x509 -new -key ca.key -sha256 -days $years -subj "/CN=edgeface $(hostname)" -out ca.pem \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"
    echo "made $folder/ca.pem"
fi
if [ ! -e broker.pem ]; then
    key broker.key
    names="DNS:localhost,IP:127.0.0.1,IP:::1,DNS:$(hostname),DNS:$(hostname).local"
    for host in "$@"; do
        case "$host" in *[!0-9.]*) names="$names,DNS:$host" ;; *) names="$names,IP:$host" ;; esac
    done
    printf 'subjectAltName=%s\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n' "$names" > extensions
    openssl req -new -key broker.key -subj "/CN=$(hostname)" -out broker.csr
    openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -sha256 -days $years -extfile extensions \
        -out broker.pem 2> openssl.log || { cat openssl.log >&2; exit 1; }
    rm -f broker.csr extensions openssl.log ca.srl
    echo "made $folder/broker.pem for $names"
fi
chmod 644 ca.pem broker.pem
