# SPDX-License-Identifier: MIT
# fish completion for concordctl(1)

set -l commands status pending why refresh warm rejected doctor

complete -c concordctl -f
complete -c concordctl -s h -l help -d Help
complete -c concordctl -s V -l version -d 'The version'
complete -c concordctl -n "__fish_seen_subcommand_from $commands" -l json -d 'Answer in JSON'
complete -c concordctl -n '__fish_seen_subcommand_from status' -s a -l all \
    -d 'Collections that nobody used, too'
for pair in 'status:What is mounted, and how fresh it is' 'pending:Texts that are not saved' \
        'why:Why the last save of a file was refused' \
        'refresh:Have the server asked what changed' 'warm:Read whole collections' \
        'rejected:Refused texts that are kept' 'doctor:Find out what is wrong'
    set -l parts (string split -m 1 : -- $pair)
    complete -c concordctl -n "not __fish_seen_subcommand_from $commands" -a $parts[1] -d $parts[2]
end
complete -c concordctl -n '__fish_seen_subcommand_from why refresh' -F
complete -c concordctl -n '__fish_seen_subcommand_from status pending rejected warm doctor' \
    -a '(__fish_complete_directories)'
