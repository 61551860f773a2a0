#!/bin/sh
# SPDX-License-Identifier: MIT
# What belongs where on a system, for `make install` and `make uninstall`, which set the variables.
# Both read one list, so that nothing installed is left behind.
set -eu
cd "$(dirname "$0")"
: "${DESTDIR=}" "${PREFIX:=/usr/local}" "${BINARY:=../build/concordfs}"
case $PREFIX in
*[[:space:]]*)
	echo "PREFIX with blanks in it: units and scripts would not find the program" >&2
	exit 1
	;;
esac
# mount(8) looks for its helpers in /sbin alone.
case $PREFIX in
/usr | /usr/local) : "${SBINDIR:=/usr/sbin}" ;;
*) : "${SBINDIR:=$PREFIX/sbin}" ;;
esac
share=$PREFIX/share
: "${MANDIR:=$share/man}" "${DOCDIR:=$share/doc/concordfs}" "${ZSHDIR:=$share/zsh/site-functions}"
: "${UNITDIR:=$PREFIX/lib/systemd/user}"
bash=$share/bash-completion/completions fish=$share/fish/vendor_completions.d

# mode, from, to; `link` and what it points to
list() {
	echo "755 $BINARY $PREFIX/bin/concordfs"
	echo "link $PREFIX/bin/concordfs $SBINDIR/mount.concordfs"
	for page in man/*.[1-8]; do
		[ "$page" = man/concordctl.1 ] && [ ! -e concordctl ] && continue
		echo "644 $page $MANDIR/man${page##*.}/${page##*/}"
	done
	echo "644 completion/concordfs.bash $bash/concordfs"
	echo "644 completion/_concordfs $ZSHDIR/_concordfs"
	echo "644 completion/concordfs.fish $fish/concordfs.fish"
	if [ -e concordctl ]; then
		echo "755 concordctl $PREFIX/bin/concordctl"
		echo "644 completion/concordctl.bash $bash/concordctl"
		echo "644 completion/_concordctl $ZSHDIR/_concordctl"
		echo "644 completion/concordctl.fish $fish/concordctl.fish"
	fi
	echo "644 systemd/concordfs@.service $UNITDIR/concordfs@.service"
	echo "644 ../README.md $DOCDIR/README.md"
	for example in examples/*; do
		echo "644 $example $DOCDIR/$example"
	done
}

put() {
	mkdir -p "$DESTDIR${3%/*}"
	case $1 in
	link) ln -sfn "$(realpath -ms --relative-to="${3%/*}" "$2")" "$DESTDIR$3" ;;
	*) install -m "$1" "$2" "$DESTDIR$3" ;;
	esac
}

case ${1:-} in
install)
	list | while read -r mode from to; do
		put "$mode" "$from" "$to"
	done
	# Units name the program by its whole path.
	sed -i "s|/usr/bin/concordfs|$PREFIX/bin/concordfs|" "$DESTDIR$UNITDIR/concordfs@.service"
	;;
uninstall)
	list | while read -r _ _ to; do
		rm -f "$DESTDIR$to"
	done
	for dir in "$DESTDIR$DOCDIR/examples" "$DESTDIR$DOCDIR"; do
		rmdir "$dir" 2>/dev/null || true
	done
	;;
*)
	echo "usage: $0 install|uninstall" >&2
	exit 1
	;;
esac
