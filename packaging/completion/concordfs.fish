# SPDX-License-Identifier: MIT
# fish completion for concordfs(1)

set -g __concordfs_collections contacts companies deals activities notes calls products documents \
    users pipelines pipeline-stages sources industries activity-types call-outcomes lost-reasons \
    document-types document-templates

# The words that are no options, but the one being written.
function __concordfs_places
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if test "$word" = -o
            set skip yes
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

function __concordfs_accounts
    concordfs --print-config 2>/dev/null | string match -rg '^\[(.*)\]$'
end

function __concordfs_options
    set -l token (commandline -ct | string replace -r '^-o' '')
    set -l lead (string match -r '^.*,' -- $token)
    set -l part (string replace -r '^.*,' '' -- $token)
    switch $part
        case 'token_file=*' 'cacert=*' 'state_dir=*'
            set -l name (string match -r '^.*?=' -- $part)
            for path in (__fish_complete_path (string replace -r '^.*?=' '' -- $part))
                echo "$lead$name$path"
            end
        case 'conflict=*'
            printf '%s\n' "$lead"'conflict='{ask,mine,theirs}
        case 'collections=*'
            set -l before (string match -r '^.*[=:]' -- $part)
            printf '%s\n' "$lead$before"$__concordfs_collections
        case 'debug=*'
            set -l before (string match -r '^.*[=:]' -- $part)
            printf '%s\n' "$lead$before"{http,crm,store,tree,fuse,main,all}
        case '*'
            printf '%s\t%s\n' \
                "$lead"'token_file=' 'where the API token is' \
                "$lead"'token_command=' 'what prints the token' \
                "$lead"'ttl=' 'how old a checked listing may be' \
                "$lead"'timeout=' 'deadline of one operation' \
                "$lead"'collections=' 'only these directories' \
                "$lead"'ro' 'read only' \
                "$lead"'max_deletes=' 'deletions allowed a minute' \
                "$lead"'conflict=' 'where a colleague changed the same' \
                "$lead"'create_labels' 'saves may make options that do not exist' \
                "$lead"'noreadme' 'no README.md in the root of the mount' \
                "$lead"'page_size=' 'records asked for at once' \
                "$lead"'state_dir=' 'where unsaved texts live' \
                "$lead"'cacert=' 'certificates to trust' \
                "$lead"'crawlers=' 'programs that get only what is known' \
                "$lead"'uid=' 'owner of the files' \
                "$lead"'gid=' 'group of the files' \
                "$lead"'umask=' 'mode bits that files do not have' \
                "$lead"'debug=' 'rooms that say more' \
                "$lead"'allow_other' 'let other users in' \
                "$lead"'allow_root' 'let root in' \
                "$lead"'auto_unmount' 'unmount when the daemon ends'
    end
end

complete -c concordfs -f
complete -c concordfs -s d -d 'Say what happens'
complete -c concordfs -s f -d 'Stay in the foreground'
complete -c concordfs -s h -l help -d Help
complete -c concordfs -s V -l version -d 'The version'
complete -c concordfs -l print-config -d 'What holds, and where it comes from'
complete -c concordfs -s o -x -d Options -a '(__concordfs_options)'
complete -c concordfs -n 'not count (__concordfs_places) >/dev/null' -a '(__concordfs_accounts)' -d Account
complete -c concordfs -n 'test (count (__concordfs_places)) = 1' -a '(__fish_complete_directories)'
