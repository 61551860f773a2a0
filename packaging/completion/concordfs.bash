# SPDX-License-Identifier: MIT
# bash completion for concordfs(1)                                        -*- shell-script -*-

_concordfs_collections='contacts companies deals activities notes calls products documents users
	pipelines pipeline-stages sources industries activity-types call-outcomes lost-reasons
	document-types document-templates'

# The line's words as the program gets them: readline splits at = and :, too.
_concordfs_words() {
	local i raw before=
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		raw=${COMP_WORDS[i]}
		if [[ -n $raw && $i -gt 0 && ($raw == [=:]* || $before == *[=:]) ]]; then
			words[${#words[@]} - 1]+=$raw
		else
			words+=("$raw")
		fi
		before=$raw
	done
}

# $1: the whole word, $2: what is before the part to complete, $3: candidates for that part.
_concordfs_reply() {
	local known=${1%"${1##*[=:]}"} candidate
	while IFS= read -r candidate; do
		COMPREPLY+=("${2#"$known"}$candidate")
	done < <(compgen -W "$3" -- "${1#"$2"}")
}

_concordfs_paths() {
	local path
	compopt -o filenames 2>/dev/null
	while IFS= read -r path; do
		COMPREPLY+=("$path")
	done < <(compgen "$1" -- "$2")
}

_concordfs_option() {
	local whole=$1 lead=
	[[ $whole != *,* ]] || lead=${whole%,*},
	case ${whole#"$lead"} in
	token_file=* | cacert=*) _concordfs_paths -f "${whole##*=}" ;;
	state_dir=*) _concordfs_paths -d "${whole##*=}" ;;
	conflict=*) _concordfs_reply "$whole" "${lead}conflict=" 'ask mine theirs' ;;
	collections=*:*) _concordfs_reply "$whole" "${whole%:*}:" "$_concordfs_collections" ;;
	collections=*) _concordfs_reply "$whole" "${lead}collections=" "$_concordfs_collections" ;;
	debug=*:*) _concordfs_reply "$whole" "${whole%:*}:" 'http crm store tree fuse main' ;;
	debug=*) _concordfs_reply "$whole" "${lead}debug=" 'http crm store tree fuse main all' ;;
	*=*) ;;
	*)
		compopt -o nospace 2>/dev/null
		_concordfs_reply "$whole" "$lead" 'token_file= token_command= ttl= timeout=
			collections= ro max_deletes= conflict= create_labels page_size= state_dir=
			cacert= noreadme crawlers= uid= gid= umask= debug= allow_other allow_root auto_unmount'
		;;
	esac
}

_concordfs() {
	local words i places=0 cur
	_concordfs_words
	COMPREPLY=()
	cur=${words[${#words[@]} - 1]}
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		-o) i=$((i + 1)) ;;
		-*) ;;
		*) places=$((places + 1)) ;;
		esac
	done
	if [[ ${words[${#words[@]} - 2]} == -o && ${#words[@]} -gt 2 ]]; then
		_concordfs_option "$cur"
	elif [[ $cur == -* ]]; then
		_concordfs_reply "$cur" '' '-d -f -h --help -o --print-config -V --version'
	elif [[ $places -eq 0 || " ${words[*]} " == *' --print-config '* ]]; then
		_concordfs_reply "$cur" '' \
			"$(concordfs --print-config 2>/dev/null | sed -n 's/^\[\(.*\)\]$/\1/p')"
	elif [[ $places -eq 1 ]]; then
		_concordfs_paths -d "$cur"
	fi
} && complete -F _concordfs concordfs
