#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds build/deb/concordfs_VERSION_ARCH.deb from what git would take of this tree, and has lintian
# look at it. The unit tests are run too with DEB_BUILD_OPTIONS= (dpkg's own default).
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/.*CONCORDFS_VERSION "\(.*\)"/\1/p' fs/base/version.h)
out=$PWD/build/deb tree=$PWD/build/deb/concordfs-$version

for tool in dpkg-buildpackage dh lintian; do
	command -v $tool >/dev/null || { echo "$tool is missing: run packaging/deps.sh deb" >&2; exit 1; }
done
files() {
	git ls-files -z --cached --others --exclude-standard 2>/dev/null ||
		find . -path ./build -prune -o -type f -print0 # an archive without .git
}
rm -rf "$out"
mkdir -p "$tree"
files | tar -c --null --ignore-failed-read -T - 2>/dev/null | tar -x -C "$tree"
mv "$tree/packaging/debian" "$tree/debian"

cd "$tree"
echo "Building concordfs $version (the log: build/deb/build.log)"
DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS-nocheck parallel=$(nproc)} \
	dpkg-buildpackage -us -uc -b >../build.log 2>&1 || { tail -n 40 ../build.log >&2; exit 1; }
lintian --allow-root --no-cfg --fail-on error,warning "$out"/*.changes
ls "$out"/concordfs_*.deb
