# SPDX-License-Identifier: MIT
# bash completion for concordctl(1)                                       -*- shell-script -*-

_concordctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} command='' mount='' words i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		*)
			if [[ -z $command ]]; then
				command=${COMP_WORDS[i]}
			elif [[ -z $mount ]]; then
				mount=${COMP_WORDS[i]}
			fi
			;;
		esac
	done
	if [[ $cur == -* ]]; then
		case $command in
		'') words='--help --version' ;;
		status) words='--all --help --json' ;;
		*) words='--help --json' ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			'status pending why refresh warm rejected doctor' -- "$cur")
	elif [[ $command == warm && -n $mount ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(command ls -- "$mount" 2>/dev/null)" -- "$cur")
	elif [[ $command == rejected && -n $mount ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(command ls -- "$mount/.concordfs/rejected" 2>/dev/null)" -- "$cur")
	elif [[ $command == why || $command == refresh ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	else
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
	fi
} && complete -F _concordctl concordctl
