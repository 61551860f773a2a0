#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian (or Ubuntu) packages that are missing, and says nothing if none are:
#   deps.sh build   what compiling takes (the default)
#   deps.sh demo    and what `make demo` uses
#   deps.sh deb     and what `make deb` uses
#   deps.sh test    and what `make test` uses: the editors and tools that the tests drive
# Without root or sudo it prints the one line to run, and fails.
set -eu

build='gcc make pkg-config libc6-dev libfuse3-dev libcurl4-openssl-dev libjansson-dev fuse3'
demo='python3 jq'
deb='build-essential debhelper lintian'
test='python3-pytest attr clang clang-format coreutils curl ed emacs-nox fish gawk git joe
	kakoune libglib2.0-bin man-db mandoc mawk micro moreutils mount nano neovim nvi openssl patch
	perl ripgrep rpm rsync sed shellcheck systemd tar tmux util-linux vim zsh'

case ${1:-build} in
build) wanted=$build ;;
demo) wanted="$build $demo" ;;
deb) wanted="$build $deb" ;;
test) wanted="$build $demo $deb $test" ;;
*)
	echo "usage: $0 [build|demo|deb|test]" >&2
	exit 1
	;;
esac

if ! command -v dpkg-query >/dev/null; then
	echo "Not Debian: these packages are needed, under whatever names your system has for" >&2
	echo "them: $wanted" >&2
	exit 0
fi

# Prints those of "$@" that are not installed. pkg-config is virtual where pkgconf replaced it.
missing() {
	have=$(dpkg-query -W -f '${db:Status-Abbrev}|${Package}, ${Provides}\n' "$@" pkgconf 2>/dev/null |
		sed -n 's/ ([^)]*)//g; s/^ii |\(.*\)/, \1,/p')
	for package; do
		case $have in
		*", $package,"*) ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

install() {
	[ $# -gt 0 ] || return 0
	get="apt-get install -qq -y --no-install-recommends $*"
	if [ "$(id -u)" = 0 ]; then
		sudo=
	elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
		sudo='sudo -E'
	else
		echo "Packages are missing; as root, run: apt-get update && $get" >&2
		exit 1
	fi
	echo "Installing $*" >&2
	export DEBIAN_FRONTEND=noninteractive
	$sudo apt-get -qq update >/dev/null
	# shellcheck disable=SC2086
	$sudo $get >/dev/null
}

# libFuzzer and clang's sanitizers come in a package whose name has clang's version in it, where
# they do not come with clang itself (Ubuntu 22.04).
runtime() {
	resources=$(clang -print-resource-dir 2>/dev/null) || return 0
	ls "$resources"/lib/*/*fuzzer* >/dev/null 2>&1 && return 0
	version=$(clang -dumpversion)
	install "libclang-rt-${version%%.*}-dev"
}

# shellcheck disable=SC2046,SC2086 # lists of words
install $(missing $wanted)
if [ "${1:-build}" = test ]; then
	runtime
fi
