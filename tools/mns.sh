#!/usr/bin/env bash
# Put the property classes of Message Service beside those that npm has: mns.sh VENV. They are published for Python only.
set -euo pipefail
venv=$1 version=1.15.0
target=$venv/deploytools/node_modules/@alicloud/ros-cdk-mns
if [ ! -d "$venv/deploytools/node_modules" ] || [ -d "$target" ]; then exit 0; fi
wheel=$(mktemp -d)
trap 'rm -rf "$wheel"' EXIT
"$venv/bin/python" -m pip download -qq --disable-pip-version-check --no-deps -d "$wheel" "ros-cdk-mns==$version"
"$venv/bin/python" -m zipfile -e "$wheel"/*.whl "$wheel/unpacked"
mkdir -p "$target"
tar -xzf "$wheel/unpacked/ros_cdk_mns/_jsii/ros-cdk-mns@$version.jsii.tgz" -C "$target" --strip-components=1
