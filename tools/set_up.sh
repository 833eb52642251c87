#!/bin/sh
# Find a Python that can make the virtual environment, and let set_up.py make it.
# PYTHON names one; otherwise 3.13 down to 3.11 come first, because the wheel that
# carries the embedded Postgres exists for these.
set -eu

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

can_make_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

here=${0%/*}
incomplete=

for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python3.14 python}; do
    is_new_enough "$candidate" || continue
    if can_make_venv "$candidate"; then
        exec "$candidate" -I "$here/set_up.py" ${PYTHON:+--this-python} "$@"
    fi
    incomplete=${incomplete:-$candidate}
done

if [ -n "$incomplete" ]; then
    fail "$incomplete cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python$(version_of "$incomplete")-venv)."
fi
if [ -n "${PYTHON:-}" ]; then
    fail "PYTHON=$PYTHON is not a Python 3.11 or newer."
fi
fail "No Python 3.11 or newer found: install one (3.11 to 3.13 preferred), or name it: make PYTHON=/path/to/python3 ..."
