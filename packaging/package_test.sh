#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the Debian package, looks at how its program was hardened, installs it with its dependencies,
# has the main job done by the installed files (debian/tests/mount), and removes it: nothing of it may
# be left. The system is as before in any case. Without root, nothing is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
installed=

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 "$@" >"$tmp/apt.log" 2>&1 || {
		cat "$tmp/apt.log" >&2
		return 1
	}
}
cleanup() {
	status=$?
	trap - EXIT
	[ -z "$installed" ] || apt purge concordfs || status=1
	rm -rf "$tmp"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
fail() { echo "package: $*" >&2; exit 1; }

packaging/deb.sh
# The local file must be readable by apt's own user.
cp build/deb/concordfs_*.deb "$tmp/concordfs.deb"
chmod 755 "$tmp"

dpkg-deb -x "$tmp/concordfs.deb" "$tmp/tree"
elf=$tmp/tree/usr/bin/concordfs
has() { readelf -W "$1" "$elf" 2>/dev/null | grep -E "$2" >/dev/null || fail "the program is not hardened: $3"; }
has -h 'Type: +DYN' 'not position-independent'
has -d 'FLAGS_1.*PIE' 'not position-independent'
has -l 'GNU_RELRO' 'no RELRO'
has -d 'FLAGS_1.*NOW' 'not full RELRO'
has -l 'GNU_STACK.* RW ' 'its stack can be executed'
has --dyn-syms '__stack_chk_fail' 'no stack protector'
has --dyn-syms '__(mem|v?s|v?f|read|recv|poll)[a-z]*_chk' 'not fortified'
# Debian 12's crt1.o has no IBT mark, so the whole has none either: the code is looked at.
case $(uname -m) in
x86_64) [ "$(objdump -d "$elf" | grep -c endbr64)" -gt 100 ] || fail 'no control-flow protection' ;;
esac
echo "package: position-independent, full RELRO, stack protector, fortified"

# The others from the same tree: an rpm that is built, an Arch package that is laid out.
tree=$(find build/deb -mindepth 1 -maxdepth 1 -type d -name 'concordfs-*')
mkdir -p "$tmp/rpm/SOURCES" "$tmp/arch"
tar -C build/deb --exclude="${tree##*/}/build" -czf "$tmp/rpm/SOURCES/${tree##*/}.tar.gz" "${tree##*/}"
HOME=$tmp rpmbuild -bb --nodeps --nocheck --define "_topdir $tmp/rpm" --define "_tmppath $tmp" \
	packaging/concordfs.spec >"$tmp/rpm.log" 2>&1 || { tail -n 40 "$tmp/rpm.log" >&2; fail "no rpm"; }
(cd build/deb && pkgdir=$tmp/arch bash -ec '. ../../packaging/PKGBUILD; package' >/dev/null)
"$tmp/arch/usr/bin/concordfs" -V >/dev/null
echo "package: the rpm is built, the Arch package is laid out"

if [ "$(id -u)" != 0 ]; then
	echo "package: it is built and looked at; only root can install it"
	exit 0
fi
if [ "$(dpkg-query -W -f '${db:Status-Status}' concordfs 2>/dev/null)" = installed ]; then
	echo "package: a concordfs is installed here already, and is left alone"
	exit 0
fi

# Those of the package's paths that are there.
paths() { (cd "$tmp/tree" && find . -mindepth 1 -printf '/%P\n') | while IFS= read -r path; do
	[ ! -e "$path" ] && [ ! -L "$path" ] || echo "$path"
done; }
paths >"$tmp/before"
installed=yes
# Containers often leave manual pages out.
apt install --no-install-recommends -o DPkg::Options::=--path-include=/usr/share/man/* \
	-o DPkg::Options::=--path-include=/usr/share/doc/* "$tmp/concordfs.deb"
[ "$(command -v concordfs)" = /usr/bin/concordfs ] || echo "package: another concordfs is first in PATH"
PATH=/usr/sbin:/usr/bin:/sbin:/bin packaging/debian/tests/mount
apt remove concordfs
paths >"$tmp/after"
diff "$tmp/before" "$tmp/after" >&2 || fail "removing it left something behind"
if dpkg-query -W -f '${db:Status-Status}' concordfs 2>/dev/null | grep -q config-files; then
	fail "removing it left configuration files behind"
fi
installed=
echo "package: it was installed, did its job, and was removed without a trace"
