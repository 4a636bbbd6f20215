#!/usr/bin/env bash
# Makes all that mutual TLS needs in one command: a root and an intermediate authority, a certificate for
# the server and one for its clients. The files lie where servers of this protocol look for them.
#
#   tools/mtls/generate.sh [--out FOLDER] [--days N] [DOMAIN [ALTERNATIVE-NAME...]]
#
# DOMAIN is the name by which clients reach the server (localhost by default); an alternative name is
# another one, or an IP address. Nothing that exists is overwritten. Keep 1_root and 2_intermediate/private
# away from the server: who has them can make clients that it trusts.
set -euo pipefail

out=tools/mtls/out
days=375
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2; shift 2 ;;
    --days) days=$2; shift 2 ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "generate.sh: unknown option $1" >&2; exit 2 ;;
    *) break ;;
  esac
done
domain=${1:-localhost}
[ $# -gt 0 ] && shift

command -v openssl >/dev/null || { echo 'generate.sh: openssl is needed' >&2; exit 1; }
[ ! -e "$out" ] || { echo "generate.sh: $out exists; choose another folder with --out" >&2; exit 1; }

# The names in a certificate: the domain, what was asked for, and the loopback addresses of localhost.
names() {
  local name list="DNS:$domain"
  [ "$domain" = localhost ] && set -- "$@" 127.0.0.1 ::1
  for name in "$@"; do
    case $name in
      *:* | [0-9]*.[0-9]*.[0-9]*.[0-9]*) list="$list,IP:$name" ;;
      *) list="$list,DNS:$name" ;;
    esac
  done
  echo "$list"
}

umask 077
mkdir -p "$out"/{1_root,2_intermediate,3_application,4_client}/{private,certs}
cd "$out"

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# issue NAME KEY CERTIFICATE ISSUER-CERTIFICATE ISSUER-KEY DAYS EXTENSIONS
issue() {
  openssl req -new -key "$2" -subj "/O=Stele/CN=$1" |
    openssl x509 -req -CA "$4" -CAkey "$5" -days "$6" -set_serial "0x$(openssl rand -hex 16)" \
      -extfile <(printf '%s\n' "$7") -out "$3" 2>/dev/null
}

ca='basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign'

key 1_root/private/ca.key.pem
openssl req -x509 -new -key 1_root/private/ca.key.pem -subj '/O=Stele/CN=Stele root' -days 7300 \
  -addext 'keyUsage=critical,keyCertSign,cRLSign' -out 1_root/certs/ca.cert.pem
key 2_intermediate/private/intermediate.key.pem
issue 'Stele intermediate' 2_intermediate/private/intermediate.key.pem \
  2_intermediate/certs/intermediate.cert.pem 1_root/certs/ca.cert.pem 1_root/private/ca.key.pem 3650 "$ca"
cat 2_intermediate/certs/intermediate.cert.pem 1_root/certs/ca.cert.pem \
  >2_intermediate/certs/ca-chain.cert.pem

# leaf FOLDER USAGE
leaf() {
  key "$1/private/$domain.key.pem"
  issue "$domain" "$1/private/$domain.key.pem" "$1/certs/$domain.cert.pem" \
    2_intermediate/certs/intermediate.cert.pem 2_intermediate/private/intermediate.key.pem "$days" \
    "basicConstraints=critical,CA:false
keyUsage=critical,digitalSignature
extendedKeyUsage=$2
subjectAltName=$sans"
  # The other side knows the root alone, so the intermediate travels with the certificate.
  cat 2_intermediate/certs/intermediate.cert.pem >>"$1/certs/$domain.cert.pem"
}

sans=$(names "$@")
leaf 3_application serverAuth
leaf 4_client clientAuth
chmod 400 */private/*.pem
chmod 444 */certs/*.pem

cat <<EOF
made in $out for $sans
server: --mtls --certificate $out/3_application/certs/$domain.cert.pem \\
  --pkey $out/3_application/private/$domain.key.pem --clientcas $out/2_intermediate/certs/ca-chain.cert.pem
client: $out/4_client/certs/$domain.cert.pem, $out/4_client/private/$domain.key.pem,
  $out/2_intermediate/certs/ca-chain.cert.pem
EOF
