#!/usr/bin/env bash
# What installing costs: download, size of the environment, and the first index of images/, as `make run` does them.
#
#   benchmarks/install.sh FOLDER [FOLDER …]
#
# Each folder is a checkout; its files as they stand are copied and installed anew, one after the other, without pip's
# cache and without converted networks. Left out: the app's start, and what a faster or slower network changes.
set -euo pipefail
echo "date       $(date '+%Y-%m-%d %H:%M %Z')"
echo "command    benchmarks/install.sh $*"
echo "machine    $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs), $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
echo "Python     $(python3 --version | cut -d' ' -f2), pip's own progress and the app's start left out"
seconds() { awk "BEGIN { printf \"%.0f\", $2 - $1 }"; }
for folder in "$@"; do
    fresh=$(mktemp -d)
    git -C "$folder" ls-files -z --cached --others --exclude-standard |
        tar -C "$folder" --null --files-from=- --ignore-failed-read -cf - 2>/dev/null | tar -xf - -C "$fresh"
    export PIP_NO_CACHE_DIR=1 LOOKALIKE_CACHE="$fresh/cache" KERAS_HOME="$fresh/keras"
    start=$(date +%s.%N)
    make -s -C "$fresh" .venv/installed >/dev/null
    installed=$(date +%s.%N)
    make -s -C "$fresh" index >/dev/null
    indexed=$(date +%s.%N)
    printf '%-10s commit %s, environment %s MB, %s packages, installed in %s s, first index in %s s\n' \
        "$(basename "$folder")" "$(git -C "$folder" rev-parse --short HEAD)" "$(du -sm "$fresh/.venv" | cut -f1)" \
        "$("$fresh/.venv/bin/pip" list 2>/dev/null | tail -n +3 | wc -l)" \
        "$(seconds "$start" "$installed")" "$(seconds "$installed" "$indexed")"
    rm -rf "$fresh"
done
