#!/bin/sh
# image.sh PYTHON WHEEL: builds the image without a registry and without a daemon, and runs it as its
# user. PYTHON has the pip that gets the wheels which WHEEL, flowlens's, asks for.
# The base is made by debootstrap and kept in .venv/image/; MIRROR names another archive of Debian's.
set -eu
cd "$(dirname "$0")/../.."
python=$1
wheel=$2
kept=.venv/image
base=$kept/bookworm.tar
if test "$(id -u)" != 0 || ! command -v buildah >/dev/null || ! command -v debootstrap >/dev/null; then
    echo "image: not built: that takes root, buildah and debootstrap" >&2
    test -z "${CI:-}"
    exit
fi
work=$(mktemp -d)
context=$work/context
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs TMPDIR="$work"

builder() { buildah --root "$work/storage" --runroot "$work/run" "$@"; }
say() { printf 'image: %s\n' "$*"; }
clean() {
    builder umount --all >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

# Debian's Python 3.11, with what the Dockerfile asks of a base.
if ! test -f "$base"; then
    mkdir -p "$kept"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv \
        bookworm "$work/bookworm" "${MIRROR:-http://deb.debian.org/debian}" >"$work/log" ||
        { tail -n 20 "$work/log" >&2; exit 1; }
    rm -rf "$work"/bookworm/var/cache/apt/archives/*.deb "$work"/bookworm/var/lib/apt/lists/*
    tar -C "$work/bookworm" -cf "$base.part" .
    mv "$base.part" "$base"
    rm -rf "$work/bookworm"
fi
made=$(builder from scratch)
builder add --quiet "$made" "$base" / >/dev/null
builder config --cmd /bin/sh --env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$made"
builder commit --quiet --rm "$made" localhost/base >/dev/null
say "base: Debian bookworm"

# The checkout as it is, and all wheels for it: nothing is asked of a network while it is built.
mkdir "$context"
tar -cf - --exclude=./.venv --exclude=./.git . | tar -C "$context" -xf -
"$python" -m pip download -q --dest "$context/wheelhouse" --python-version 3.11 \
    --only-binary=:all: "hatchling>=1.27" "$wheel[aws,geo,plot]"
rm -f "$context"/wheelhouse/vpc_flowlens-*.whl
builder build --quiet --pull-never --network none --format docker \
    --build-arg BASE=localhost/base --build-arg PIP_NO_INDEX=1 \
    --file deploy/docker/Dockerfile --tag localhost/flowlens "$context" >/dev/null
say "built"

# What the image says of itself.
entry=$(builder inspect --type image --format '{{.Docker.Config.Entrypoint}} {{.Docker.Config.User}}' \
    localhost/flowlens)
test "$entry" = "[/opt/flowlens/bin/flowlens] 10001:10001" || { echo "image: $entry" >&2; exit 1; }

running=$(builder from --pull-never localhost/flowlens)
inside() { builder run --network none --volume "$PWD/fixtures/demo:/logs:ro" "$running" -- "$@"; }
test "$(inside id -u)" = 10001
say "version: $(inside flowlens --version)"
inside flowlens report /logs --quiet --format json >"$work/report.json"
"$python" -c 'import json, sys; assert json.load(sys.stdin)' <"$work/report.json"
say "report: $(wc -c <"$work/report.json") bytes of JSON"
inside sh -eu -c '
    cd /var/lib/flowlens
    flowlens batch init job.toml
    sed -i "s,\"logs/\",\"/logs/\"," job.toml
    flowlens batch run job.toml --quiet
    flowlens batch run job.toml --quiet
    test -f out/2026-11-23/rejected_by_port.csv
'
say "batch: a job run twice"
if inside sh -c 'touch /opt/flowlens/x || touch /usr/x' 2>/dev/null; then
    echo "image: its user may write to the program" >&2
    exit 1
fi

# The same with a file system that can be written to in the image's two volumes alone.
root=$(builder mount "$running")
unshare --mount sh -eu -c '
    mount --bind "$1" "$1"
    mount -o remount,bind,ro "$1"
    mount --rbind /proc "$1/proc"
    mount --rbind /dev "$1/dev"
    mount -t tmpfs none "$1/tmp"
    mount -t tmpfs -o uid=10001,gid=10001 none "$1/var/lib/flowlens"
    mkdir "$1/tmp/logs"
    cp -R fixtures/demo/. "$1/tmp/logs"
    chmod -R a+rX "$1/tmp/logs"
    printf "%s\n" "name = \"rejects\"" "inputs = [\"/tmp/logs\"]" "store = \"store\"" \
        "output = \"out\"" "interval = \"1d\"" "queries = [\"rejected_by_port\"]" "[report]" \
        >"$1/tmp/job.toml"
    cp "$1/tmp/job.toml" "$1/var/lib/flowlens/job.toml"
    chroot --userspec=10001:10001 "$1" /usr/bin/env -i HOME=/var/lib/flowlens \
        /opt/flowlens/bin/flowlens batch run /var/lib/flowlens/job.toml --quiet
    test -f "$1/var/lib/flowlens/out/2026-11-23/report.html"
' sh "$root"
say "read-only: a job, with a report as a page"
say "size: $(du -sm "$root" | cut -f 1) MB, of which flowlens $(du -sm "$root/opt/flowlens" | cut -f 1) MB"
