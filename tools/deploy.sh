#!/usr/bin/env bash
# Deploy the functions: deploy.sh VENV PYTHON SETTINGS, called by `make deploy`. Everything is looked at before anything is
# built. The packages are built once, by the pre-deploy action of s.yaml.
set -euo pipefail
venv=$1 version=$2 settings=$3
case $settings in */*) ;; *) settings=./$settings ;; esac

refuse() {
    printf 'deploy: %s\n%s\n' "$1" "$2" >&2
    exit 1
}

ours() {
    for name in $(compgen -e REPLANK_); do printf '%s=%q\n' "$name" "${!name}"; done | LC_ALL=C sort
}

after_sourcing() {
    set +eu
    . "$settings" >/dev/null
    ours
}

command -v s >/dev/null || refuse "Serverless Devs is missing." "Install it: npm install -g @serverless-devs/s"

# s.yaml would take its default instead, and point the functions at other tables while instances are moving.
for name in REPLANK_REGION REPLANK_TABLESTORE_INSTANCE; do
    [ -n "${!name:-}" ] || refuse "$name is not set in this shell." \
        "Read your settings into it (. $settings), or write that file first: docs/deploy.md, step 2."
done
if [ -f "$settings" ]; then
    differ=$(LC_ALL=C comm -13 <(ours) <(after_sourcing) | cut -d= -f1 | tr '\n' ' ')
    [ -z "$differ" ] || refuse "This shell lacks, or has otherwise than $settings: $differ" "Read the file in again: . $settings"
else
    echo "deploy: there is no $settings; what this shell does not set takes the default of s.yaml." >&2
fi

runtime=$(sed -n 's/^ *runtime: *python//p' s.yaml)
[ "$runtime" = "$version" ] || refuse "The packages would be for Python $version, but s.yaml has runtime: python$runtime." \
    "Call make deploy PY=$runtime, or change runtime in s.yaml."

make "$venv/run.ok"
finds='import sys; from tools.package.target import Target, interpreter; sys.exit(interpreter(Target(sys.argv[1])) is None)'
if ! "$venv/bin/python" -c "$finds" "$version"; then
    [ -n "${UNTRIED:-}" ] || refuse \
        "Python $version is not on this machine: the packages cannot be tried, nor compiled for a fast start." \
        "Install it (pyenv install $version), or deploy them untried: make deploy UNTRIED=1"
    echo "deploy: Python $version is not on this machine: the packages have NOT been tried." >&2
fi
s deploy -y -a "${REPLANK_ACCESS:-default}"
